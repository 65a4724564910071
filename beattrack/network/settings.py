"""Settings of the network, free of torch so that every model file can be described without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from beattrack.errors import SettingsError
from beattrack.runtime import checks

Activation = Literal["elu", "relu", "gelu"]
DropoutKind = Literal["spatial", "element"]


_COUNT = checks.positive(whole=True)
_COUNTS = checks.several(_COUNT)
_DROPOUT = checks.between(0, 1, high_open=True)


@dataclass(frozen=True, kw_only=True)
class FrontEndSettings:
    """The convolutional front-end: three convolutions, each followed by max-pooling over frequency.

    log_scale: the input x (magnitudes over the level of the recording) is compressed to ln(1 + log_scale x).
    frequency_kernels, pools: bands that each convolution spans, and bands that each pooling joins.
    time_kernels: frames that each convolution spans, all odd.
    """

    bands: int = 73
    channels: int = 32
    log_scale: float = 100.0
    time_kernels: tuple[int, ...] = (3, 1, 3)
    frequency_kernels: tuple[int, ...] = (3, 8, 3)
    pools: tuple[int, ...] = (3, 3, 3)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        counts = dict.fromkeys(("bands", "channels"), _COUNT)
        kernels = dict.fromkeys(("time_kernels", "frequency_kernels", "pools"), _COUNTS)
        checks.apply(self, {**counts, **kernels, "log_scale": checks.positive(), "dropout": _DROPOUT})
        if not len(self.time_kernels) == len(self.frequency_kernels) == len(self.pools) > 0:
            raise SettingsError("time_kernels, frequency_kernels and pools must be of one length, at least 1")
        if any(kernel % 2 == 0 for kernel in self.time_kernels):
            raise SettingsError(f"time_kernels must be odd, not {self.time_kernels}")
        if self.output_bands != 1:
            raise SettingsError(
                f"kernels and pools must reduce {self.bands} bands to 1, not {self.output_bands}"
            )

    @property
    def output_bands(self) -> int:
        """Bands left after the last pooling."""
        bands = self.bands
        for kernel, pool in zip(self.frequency_kernels, self.pools, strict=True):
            bands = (bands - kernel + 1) // pool
        return bands

    @property
    def receptive_field(self) -> int:
        """Frames of input that one output frame sees."""
        return 1 + sum(kernel - 1 for kernel in self.time_kernels)


@dataclass(frozen=True, kw_only=True)
class TCNSettings:
    """The temporal convolutional network (Bai et al. 2018; Böck & Davies 2020; WaveNet with `gated`).

    channels: width of the residual stream.
    dilations: one residual block for each, in order.
    causal: look only at the past, by padding on the left alone.
    parallel_pair: two convolutions a block, of dilations d and 2 d, side by side (Böck & Davies 2020).
    residual_1x1: a 1x1 convolution on the residual path.
    gated: tanh(a) * sigmoid(b) in place of `activation` (van den Oord et al. 2016).
    skip_sum: also sum the blocks' outputs, which the tempo head reads.
    """

    channels: int = 32
    kernel: int = 5
    dilations: tuple[int, ...] = tuple(2**i for i in range(11))
    causal: bool = False
    parallel_pair: bool = True
    residual_1x1: bool = True
    activation: Activation = "elu"
    gated: bool = False
    dropout: float = 0.1
    dropout_kind: DropoutKind = "spatial"
    skip_sum: bool = True

    def __post_init__(self) -> None:
        flags = ("causal", "parallel_pair", "residual_1x1", "gated", "skip_sum")
        checks.apply(
            self,
            {
                **dict.fromkeys(flags, checks.flag()),
                "channels": _COUNT,
                "kernel": checks.at_least(2, whole=True),
                "dilations": _COUNTS,
                "activation": checks.choice(get_args(Activation)),
                "dropout_kind": checks.choice(get_args(DropoutKind)),
                "dropout": _DROPOUT,
            },
        )
        if not self.causal and self.kernel % 2 == 0:
            raise SettingsError(f"kernel must be odd unless the network is causal, not {self.kernel}")

    @property
    def receptive_field(self) -> int:
        """Frames of input that one output frame sees: 1 + the sum of (kernel - 1) * widest dilation."""
        widest = 2 if self.parallel_pair else 1
        return 1 + sum((self.kernel - 1) * widest * dilation for dilation in self.dilations)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """All of the network: front-end, TCN and heads.

    tempo_bins: bins of the tempo head, one for each whole BPM from 0; 0 leaves the head out.
    sum_head: beat logit = own logit + downbeat logit, so that a downbeat implies a beat (Foscarin et al.,
        ISMIR 2024).
    """

    front_end: FrontEndSettings = FrontEndSettings()
    tcn: TCNSettings = TCNSettings()
    tempo_bins: int = 300
    sum_head: bool = False

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "front_end": checks.instance(FrontEndSettings),
                "tcn": checks.instance(TCNSettings),
                "tempo_bins": checks.at_least(0, whole=True),
                "sum_head": checks.flag(),
            },
        )
        if self.front_end.channels != self.tcn.channels:
            raise SettingsError("front-end and TCN must have the same number of channels")
        if self.tempo_bins and not self.tcn.skip_sum:
            raise SettingsError("the tempo head reads the skip sum: set skip_sum or tempo_bins = 0")

    @property
    def receptive_field(self) -> int:
        """Frames of input that one output frame of beats or downbeats sees."""
        return self.front_end.receptive_field + self.tcn.receptive_field - 1
