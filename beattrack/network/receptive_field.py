"""The receptive field: which frames of the input one frame of the output depends on.

A convolution with k taps and dilation d spans (k - 1) * d frames besides the one it computes. In a stack of
convolutions these spans add up, so the receptive field is 1 + (k - 1) * (the sum of all dilations) frames.
With dilations 1, 2, 4, ... the sum doubles with every layer, while every layer costs the same: k taps.

This module only calculates and does not import torch. `network.gradient_check` measures the same on the
network's own layers.

van den Oord et al. (WaveNet), arXiv 1609.03499; Bai, Kolter & Koltun, arXiv 1803.01271.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import SettingsError
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import HarmonyPathSettings
from beattrack.runtime import checks

MOST_FRAMES = 2**53  # whole numbers up to here are exact in JSON
MOST_CONVOLUTIONS = 100_000
SHOWN_TERMS = 6  # of a sum before the middle is left out


@dataclass(frozen=True)
class ReceptiveField:
    """Frames of the input around one frame of the output.

    Attributes:
        before: how many frames before the output the input begins.
        after: how many frames after the output it ends; negative if it ends before.
    """

    before: int
    after: int

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.before + self.after + 1

    def through(self, earlier: ReceptiveField) -> ReceptiveField:
        """Return the receptive field in the input of an earlier stage, whose output this stage reads."""
        return ReceptiveField(self.before + earlier.before, self.after + earlier.after)


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """A stack of convolutions with growing dilation.

    Attributes:
        kernel: taps of each convolution, at least 2; odd unless the stack is causal.
        layers: convolutions of a stack, with dilations 1, `dilation`, `dilation` ** 2, ...
        dilation: factor by which the dilation grows from layer to layer; 1 for a plain CNN.
        stacks: number of such stacks after one another, as in keras-tcn.
        first_undilated: one more convolution of dilation 1 before the first stack.
        causal: see past frames only.

    Raises:
        SettingsError: if a value is out of range, or the receptive field exceeds 2 ** 53 frames.
    """

    kernel: int = 3
    layers: int = 11
    dilation: int = 2
    stacks: int = 1
    first_undilated: bool = False
    causal: bool = False

    def __post_init__(self) -> None:
        count = checks.positive(whole=True)
        checks.apply(
            self,
            {
                "kernel": checks.at_least(2, whole=True),
                **dict.fromkeys(("layers", "dilation", "stacks"), count),
                **dict.fromkeys(("first_undilated", "causal"), checks.flag()),
            },
        )
        if not self.causal and self.kernel % 2 == 0:
            raise SettingsError(f"kernel must be odd unless the stack is causal, not {self.kernel}")
        if self.convolutions > MOST_CONVOLUTIONS:
            raise SettingsError(
                f"at most {MOST_CONVOLUTIONS} convolutions are possible, not {self.convolutions}; use fewer "
                "layers or stacks"
            )
        # The logarithm comes first, because the powers themselves may be too large to compute.
        too_large = (self.layers - 1) * math.log2(self.dilation) > math.log2(MOST_FRAMES)
        if too_large or self.field.frames > MOST_FRAMES:
            raise SettingsError(
                "the receptive field exceeds 2 ** 53 frames; use fewer layers, a smaller dilation or kernel"
            )

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilation of each convolution, in order."""
        first = (1,) if self.first_undilated else ()
        return first + self.stack_dilations * self.stacks

    @property
    def stack_dilations(self) -> tuple[int, ...]:
        """Dilation of each convolution of one stack."""
        return tuple(self.dilation**layer for layer in range(self.layers))

    @property
    def convolutions(self) -> int:
        """Number of convolutions."""
        return self.first_undilated + self.layers * self.stacks

    @property
    def taps(self) -> int:
        """Cost: taps of all convolutions, each a multiplication per frame and pair of channels."""
        return self.kernel * self.convolutions

    @property
    def field(self) -> ReceptiveField:
        """The receptive field: 1 + (kernel - 1) * (sum of the dilations) frames."""
        reach = (self.kernel - 1) * (self.first_undilated + self.stacks * sum(self.stack_dilations))
        return ReceptiveField(reach, 0) if self.causal else ReceptiveField(reach // 2, reach // 2)

    @property
    def has_gaps(self) -> bool:
        """Whether frames between the first and the last are not seen, because the dilation grows too fast."""
        covered = 1  # frames without gaps, by the convolutions of smaller dilation
        for dilation in sorted(self.dilations):
            if dilation > covered:
                return True
            covered += (self.kernel - 1) * dilation
        return False

    @property
    def formula(self) -> str:
        """The calculation of the receptive field with the numbers put in."""
        reach, total = self.kernel - 1, (self.field.frames - 1) // (self.kernel - 1)
        terms = shortened(self.stack_dilations, " + ")
        if self.stacks > 1:
            terms = f"{self.stacks} * ({terms})"
        if self.first_undilated:
            terms = f"1 + {terms}"
        steps = (f"1 + ({self.kernel} - 1) * ({terms})", f"1 + {reach} * {total}", str(self.field.frames))
        return " = ".join(steps)

    def plain(self, convolutions: int | None = None) -> StackSettings:
        """Return the CNN without dilation of as many convolutions as this stack, or of another number."""
        layers = self.convolutions if convolutions is None else convolutions
        return StackSettings(kernel=self.kernel, layers=layers, dilation=1, causal=self.causal)

    @property
    def plain_equivalent(self) -> int:
        """Convolutions that a CNN without dilation needs for the same receptive field."""
        return (self.field.frames - 1) // (self.kernel - 1)


@dataclass(frozen=True)
class Stage:
    """The receptive field of a part of a network, in frames of its input.

    Attributes:
        name: which part.
        fps: frames per second of its input.
        field: the receptive field.
    """

    name: str
    fps: float
    field: ReceptiveField


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of one output frame with respect to one input of a network.

    Attributes:
        sizes: sum of the absolute gradient over bands or channels, shape (frames,).
        output: frame of the input at the time of the output.
    """

    sizes: NDArray[np.float64]
    output: int

    @property
    def is_zero(self) -> bool:
        """Whether the output does not depend on the input at all."""
        return not self.sizes.any()

    @property
    def reached(self) -> int:
        """Number of frames at which the gradient is not zero."""
        return int(np.count_nonzero(self.sizes))

    @property
    def field(self) -> ReceptiveField:
        """The frames from the first to the last at which the gradient is not zero; there must be one."""
        reached = np.flatnonzero(self.sizes)
        return ReceptiveField(self.output - int(reached[0]), int(reached[-1]) - self.output)

    def share_within(self, distance: float) -> float:
        """Return the share of the gradient that is at most so many frames away from the output."""
        away = np.abs(np.arange(len(self.sizes)) - self.output)
        return float(self.sizes[away <= distance].sum() / self.sizes.sum())


def model_stages(settings: ModelSettings, body: ReceptiveField | None = None) -> tuple[Stage, ...]:
    """Return the receptive fields of the stages of a model, and of the whole model in each of its inputs.

    Outputs that lie on a frame of the harmony view are meant; between two such frames, the receptive field in
    the harmony view may be one frame shorter or longer.

    Args:
        settings: settings of the model.
        body: receptive field of the TCN, if some of its taps are zero; None for that of its settings.

    Returns:
        Front-end, TCN (or the heads, if the network has no TCN), and both together, in frames of the
        spectrogram. For a model with a harmony path also that path, and path and TCN together, in frames of
        the harmony view.

    Raises:
        SettingsError: if the network is recurrent, so that its receptive field has no limit.
    """
    network, fps = settings.network, float(settings.spectrogram.fps)
    front_end = ReceptiveField(network.frames_before, network.frames_after)
    if body is None:
        if network.body_reach is None:
            raise SettingsError("the receptive field of a recurrent network has no limit")
        body = ReceptiveField(*network.body_reach)
    name = "heads" if network.tcn is None else "TCN"
    stages = [
        Stage("front-end", fps, front_end),
        Stage(name, fps, body),
        Stage(f"front-end + {name}", fps, body.through(front_end)),
    ]
    if network.harmony is not None:
        path = harmony_field(network.harmony)
        both = _slow(body, network.harmony).through(path)
        stages += [
            Stage("harmony path", settings.slow_fps, path),
            Stage(f"harmony path + {name}", settings.slow_fps, both),
        ]
    return tuple(stages)


def harmony_field(settings: HarmonyPathSettings) -> ReceptiveField:
    """Return the receptive field of the harmony path, in frames of the harmony view."""
    reach = 3 * (settings.kernel - 1) if settings.learned else 0  # two convolutions, dilations 1 and 2
    lag = max(settings.lags) if settings.novelty else 0
    if settings.causal:
        # Novelty compares the `lag` frames up to the current one with those before; the last kernel is 3.
        return ReceptiveField(max(reach, 2 * lag - 1) + 2, 0)
    return ReceptiveField(max(reach // 2, lag) + 1, max(reach // 2, lag - 1) + 1)


def shortened(numbers: tuple[int, ...], separator: str) -> str:
    """Return numbers as text, without the middle if there are many."""
    texts = [str(number) for number in numbers]
    if len(texts) > SHOWN_TERMS:
        texts[SHOWN_TERMS - 2 : -1] = ["..."]
    return separator.join(texts)


def _slow(field: ReceptiveField, path: HarmonyPathSettings) -> ReceptiveField:
    """Return in frames of the harmony view what is given in frames of the spectrogram."""
    if path.delay is not None:  # each slow frame is held, from `delay` frames after its time on
        first, last = (-field.before - path.delay) // path.ratio, (field.after - path.delay) // path.ratio
    else:  # frames between two slow frames are interpolated between both
        first, last = -field.before // path.ratio, -(-field.after // path.ratio)
    return ReceptiveField(-first, last)
