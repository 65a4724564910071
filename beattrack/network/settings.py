"""Settings of the network. This module does not import torch, so models can be described without it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from beattrack.errors import SettingsError
from beattrack.network.recurrent_settings import RecurrentSettings
from beattrack.network.tcn_settings import TCNSettings
from beattrack.runtime import checks

__all__ = ["FrontEndSettings", "HarmonyPathSettings", "NetworkSettings", "TCNSettings"]

_COUNT = checks.positive(whole=True)
_COUNTS = checks.several(_COUNT)
_DROPOUT = checks.between(0, 1, high_open=True)

MOST_STRIDE = 256  # 2.56 s, about the interval of a bar


@dataclass(frozen=True, kw_only=True)
class FrontEndSettings:
    """The convolutional front-end: three convolutions, each followed by max-pooling over frequency.

    Attributes:
        bands: bands of the spectrogram.
        channels: channels of each convolution, and features per frame.
        log_scale: the input x (magnitudes divided by the recording's level) is compressed to
            ln(1 + log_scale * x).
        time_kernels: frames that each convolution spans, all odd.
        frequency_kernels: bands that each convolution spans.
        pools: bands that each pooling joins.
        dropout: dropout rate of the features.
        time_pools: frames that each pooling joins, for a network that decides about whole clips; None for no
            pooling over time.

    Raises:
        SettingsError: if a value is out of range, or kernels and pools do not reduce `bands` to 1.
    """

    bands: int = 73
    channels: int = 32
    log_scale: float = 100.0
    time_kernels: tuple[int, ...] = (3, 1, 3)
    frequency_kernels: tuple[int, ...] = (3, 8, 3)
    pools: tuple[int, ...] = (3, 3, 3)
    dropout: float = 0.1
    time_pools: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        counts = dict.fromkeys(("bands", "channels"), _COUNT)
        kernels = dict.fromkeys(("time_kernels", "frequency_kernels", "pools"), _COUNTS)
        checks.apply(self, {**counts, **kernels, "log_scale": checks.positive(), "dropout": _DROPOUT})
        checks.apply(self, {"time_pools": checks.optional(_COUNTS)})
        if self.time_pools is not None and len(self.time_pools) != len(self.pools):
            raise SettingsError("time_pools must be as many as pools")
        if self.stride > MOST_STRIDE:
            raise SettingsError(f"time_pools must join at most {MOST_STRIDE} frames, not {self.stride}")
        if not len(self.time_kernels) == len(self.frequency_kernels) == len(self.pools) > 0:
            raise SettingsError("time_kernels, frequency_kernels and pools must have the same length")
        if any(kernel % 2 == 0 for kernel in self.time_kernels):
            raise SettingsError(f"time_kernels must be odd, not {self.time_kernels}")
        if self.output_bands != 1:
            raise SettingsError(
                f"kernels and pools must reduce {self.bands} bands to 1, not {self.output_bands}"
            )

    @property
    def map_bands(self) -> tuple[int, ...]:
        """Number of bands before each convolution, and after the last pooling."""
        bands = [self.bands]
        for kernel, pool in zip(self.frequency_kernels, self.pools, strict=True):
            bands.append((bands[-1] - kernel + 1) // pool)
        return tuple(bands)

    @property
    def output_bands(self) -> int:
        """Number of bands after the last pooling."""
        return self.map_bands[-1]

    @property
    def past_maps(self) -> tuple[tuple[int, int, int], ...]:
        """Earlier input that each convolution over time sees: (channels, frames, bands)."""
        channels = (1, *[self.channels] * (len(self.pools) - 1))
        columns = zip(channels, self.time_kernels, self.map_bands, strict=False)
        return tuple((inputs, kernel - 1, bands) for inputs, kernel, bands in columns if kernel > 1)

    @property
    def receptive_field(self) -> int:
        """Frames of input that one output frame sees."""
        frames, joined = 1, 1  # frames that an output sees, and that one step of the current layer joins
        for kernel, pool in zip(self.time_kernels, self.joins, strict=True):
            frames += (kernel - 1 + pool - 1) * joined
            joined *= pool
        return frames

    @property
    def joins(self) -> tuple[int, ...]:
        """Frames that each pooling joins."""
        return self.time_pools or (1,) * len(self.pools)

    @property
    def stride(self) -> int:
        """Frames from one output frame to the next; 1 unless poolings join frames."""
        return math.prod(self.joins)


@dataclass(frozen=True, kw_only=True)
class HarmonyPathSettings:
    """The harmony path: learned convolutions and explicit novelty, mixed to `channels` features.

    Attributes:
        bands: bands of the harmony view.
        channels: features per frame.
        ratio: frames of the spectrogram per frame of the harmony view.
        log_scale: the input x (magnitudes divided by the recording's level) is compressed to
            ln(1 + log_scale * x).
        convolutions: channels of the two learned convolutions.
        kernel: frames that each of these convolutions spans, odd.
        lags: numbers of slow frames before and after a frame that novelty compares.
        bass: range of bands, first and end, for the novelty of the bass.
        harmony: range of bands, first and end, for the novelty of the harmony.
        learned: whether to use learned convolutions.
        novelty: whether to use novelty.
        hidden: channels of the hidden layer that mixes both.
        dropout: dropout rate of the learned features.
        delay: frames of the spectrogram after which a causal network reads a frame of the harmony view, whose
            window ends later than that of the spectrogram; None for networks that are not causal.

    Raises:
        SettingsError: if a value is out of range, or both `learned` and `novelty` are off.
    """

    bands: int = 73
    channels: int = 16
    ratio: int = 10
    log_scale: float = 2.0
    convolutions: tuple[int, int] = (32, 16)
    kernel: int = 5
    lags: tuple[int, ...] = (2, 4, 8, 16)
    bass: tuple[int, int] = (0, 30)
    harmony: tuple[int, int] = (20, 73)
    learned: bool = True
    novelty: bool = True
    hidden: int = 32
    dropout: float = 0.15
    delay: int | None = None

    def __post_init__(self) -> None:
        counts = ("bands", "channels", "ratio", "kernel", "hidden")
        ranges = checks.span(checks.at_least(0, whole=True))
        checks.apply(
            self,
            {
                **dict.fromkeys(counts, _COUNT),
                **dict.fromkeys(("bass", "harmony"), ranges),
                **dict.fromkeys(("learned", "novelty"), checks.flag()),
                "log_scale": checks.positive(),
                "convolutions": checks.several(_COUNT, length=2),
                "lags": _COUNTS,
                "dropout": _DROPOUT,
                "delay": checks.optional(checks.at_least(0, whole=True)),
            },
        )
        if self.kernel % 2 == 0:
            raise SettingsError(f"kernel must be odd, not {self.kernel}")
        for name in ("bass", "harmony"):
            low, high = getattr(self, name)
            if low == high or high > self.bands:
                raise SettingsError(f"{name} must be a range within {self.bands} bands, not {low} to {high}")
        if not self.mixed:
            raise SettingsError("the harmony path needs learned or novelty features")

    @property
    def causal(self) -> bool:
        """Whether the path sees past frames only."""
        return self.delay is not None

    @property
    def receptive_field(self) -> int:
        """Slow frames that one output frame sees."""
        learned = 1 + 3 * (self.kernel - 1) if self.learned else 1
        novelty = 2 * max(self.lags) if self.novelty else 1
        return max(learned, novelty) + 2

    @property
    def mixed(self) -> int:
        """Number of features before the mixing layers."""
        return self.learned * self.convolutions[1] + self.novelty * 2 * len(self.lags)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The whole network: front-end, harmony path, body and heads.

    The body is what lies between the features of a frame and the heads: a TCN, a recurrent network, or
    nothing.

    Attributes:
        front_end: settings of the front-end.
        tcn: settings of the TCN. It has the channels of the front-end and the harmony path together. None if
            the body is another.
        tempo_bins: bins of the tempo head, one per BPM from 0; 0 for no tempo head.
        sum_head: add the downbeat logit to the beat logit, so that a downbeat implies a beat (Foscarin et
            al., ISMIR 2024).
        harmony: settings of the harmony path; None for none.
        look_ahead: frames of the future that a causal network sees, all of them through its front-end. Its
            output is late by as many frames. None for none, or if the network is not causal.
        recurrent: settings of a recurrent body; None if the body is another.

    Raises:
        SettingsError: if a value is out of range or the parts do not fit each other.
    """

    front_end: FrontEndSettings = FrontEndSettings()
    tcn: TCNSettings | None = TCNSettings()
    tempo_bins: int = 300
    sum_head: bool = False
    harmony: HarmonyPathSettings | None = None
    look_ahead: int | None = None
    recurrent: RecurrentSettings | None = None

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "front_end": checks.instance(FrontEndSettings),
                "tcn": checks.optional(checks.instance(TCNSettings)),
                "tempo_bins": checks.at_least(0, whole=True),
                "sum_head": checks.flag(),
                "harmony": checks.optional(checks.instance(HarmonyPathSettings)),
                "look_ahead": checks.optional(checks.at_least(0, whole=True)),
                "recurrent": checks.optional(checks.instance(RecurrentSettings)),
            },
        )
        if self.clip_level:
            self._check_clip_level()
        if self.tcn is not None and self.recurrent is not None:
            raise SettingsError(
                "a network has either a TCN or a recurrent part; set tcn = false or recurrent = false"
            )
        if self.tcn is not None and self.feature_channels != self.tcn.channels:
            raise SettingsError(
                f"the TCN must have as many channels as front-end and harmony path together, "
                f"{self.feature_channels}, not {self.tcn.channels}"
            )
        if self.harmony and self.harmony.causal != self.causal:
            raise SettingsError("a causal network needs a harmony path with a delay, and no other has one")
        if self.look_ahead and not self.causal:
            raise SettingsError("look_ahead is a setting of causal networks; others see the future anyway")
        if self.tempo_bins and self.causal:
            raise SettingsError("a causal network cannot have a tempo head, which sees the whole input")
        if self.tempo_bins and self.tcn is not None and not self.tcn.skip_sum:
            raise SettingsError("the tempo head needs the skip sum; set skip_sum = true or tempo_bins = 0")

    def _check_clip_level(self) -> None:
        if self.tcn is not None or self.recurrent is not None or self.harmony is not None:
            raise SettingsError(
                "a front-end that pools over time decides about whole clips, without TCN, recurrent part and "
                "harmony path; set tcn, recurrent and harmony to false"
            )
        if not self.tempo_bins:
            raise SettingsError(
                "a network that decides about whole clips needs the tempo head: tempo_bins > 0"
            )

    @property
    def clip_level(self) -> bool:
        """Whether the network decides about whole clips: on the tempo alone, not on beats."""
        return self.front_end.stride > 1

    @property
    def causal(self) -> bool:
        """Whether the network sees no later frames, but for `look_ahead`."""
        if self.tcn is not None:
            return self.tcn.causal
        return self.recurrent is not None and not self.recurrent.bidirectional

    @property
    def feature_channels(self) -> int:
        """Features per frame that the body reads: those of the front-end and of the harmony path."""
        return self.front_end.channels + (self.harmony.channels if self.harmony else 0)

    @property
    def output_channels(self) -> int:
        """Features per frame that the heads read."""
        if self.tcn is not None:
            return self.tcn.channels
        return self.feature_channels if self.recurrent is None else self.recurrent.channels

    @property
    def head_dropout(self) -> float:
        """Dropout rate before the heads."""
        if self.tcn is not None:
            return self.tcn.dropout
        return 0.0 if self.recurrent is None else self.recurrent.dropout

    @property
    def body(self) -> str:
        """Name of the body."""
        if self.tcn is not None:
            return "TCN"
        if self.recurrent is None:
            return "2-D CNN"
        return f"{'bidirectional ' * self.recurrent.bidirectional}{self.recurrent.kind.upper()}"

    @property
    def body_reach(self) -> tuple[int, int] | None:
        """Frames before and after a frame that the body reads for it; None if there is no limit."""
        if self.recurrent is not None:
            return None
        if self.tcn is None:
            return 0, 0
        return self._reach(self.tcn.receptive_field - 1)

    @property
    def shallow_reach(self) -> tuple[int, int] | None:
        """Reach of the shallow blocks of a body that runs in phases (`network.body`); None if it does not."""
        if self.tcn is None or self.tcn.shallow_blocks is None or self.tcn.output != "residual":
            return None
        return self._reach(self.tcn.span(self.tcn.shallow_blocks))

    def _reach(self, span: int) -> tuple[int, int]:
        return (span, 0) if self.causal else (span // 2, span // 2)

    @property
    def frames_before(self) -> int:
        """Frames before a frame that the front-end reads for it; it reads `frames_after` after it.

        Negative for a long look-ahead, if the front-end reads later frames only.
        """
        return self.front_end.receptive_field - 1 - self.frames_after

    @property
    def frames_after(self) -> int:
        """Frames after a frame that the front-end reads for it."""
        return self.look_ahead or 0 if self.causal else (self.front_end.receptive_field - 1) // 2

    @property
    def receptive_field(self) -> int | None:
        """Frames of the spectrogram that one output frame of beats or downbeats sees; None if unlimited."""
        if self.body_reach is None:
            return None
        return self.front_end.receptive_field + sum(self.body_reach)
