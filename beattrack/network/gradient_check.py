"""The receptive field, measured: the input frames at which the gradient of one output frame is not zero.

The layers measured are those of `network.tcn`, `network.front_end` and `network.harmony_path`, in double
precision. What `network.receptive_field` calculates must come out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from beattrack.errors import SettingsError
from beattrack.network.causal_input import CausalInput
from beattrack.network.front_end import FrontEnd
from beattrack.network.harmony_path import hold, spread
from beattrack.network.input_level import QUIET, SILENCE_LEVEL, recording_level
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings
from beattrack.network.receptive_field import Gradient, ReceptiveField, StackSettings, Stage, model_stages
from beattrack.network.settings import NetworkSettings, TCNSettings
from beattrack.network.tcn import TCN, DilatedConvolution, ResidualBlock

Float = NDArray[np.float64]

MOST_FRAMES = 200_000  # half a gigabyte of memory, some seconds
MOST_MODEL_FRAMES = 60_000  # of a network with many channels: 2 GB
# Along the outermost taps the gradient is a product of one weight per block. With more blocks, or smaller
# weights for larger kernels, it would be too small for a floating-point number.
MOST_BLOCKS = 100
MOST_TAPS = 101
MARGIN = 20  # frames beyond the receptive field, which must have no gradient
BLOCK = 2048  # frames of the front-end at once; bounds the memory of its feature maps


@dataclass(frozen=True, eq=False)
class ModelGradient:
    """The gradients of a model, stage by stage.

    Attributes:
        stages: those of `network.receptive_field.model_stages`, in the same order.
    """

    stages: tuple[Gradient, ...]

    @property
    def fields(self) -> tuple[ReceptiveField, ...]:
        """The receptive field of each stage."""
        return tuple(gradient.field for gradient in self.stages)

    @property
    def spectrogram(self) -> Gradient:
        """The gradient of the whole network with respect to the spectrogram."""
        return self.stages[2]

    @property
    def harmony(self) -> Gradient | None:
        """The gradient of the whole network with respect to the harmony view; None if it reads none."""
        return self.stages[4] if len(self.stages) > 4 else None


def measure_stack(settings: StackSettings, *, seed: int = 0) -> Gradient:
    """Compute the gradient of one frame through a TCN with one residual block per convolution.

    All weights are random but positive, so that contributions of different paths cannot cancel.

    Args:
        settings: settings of the stack.
        seed: seed of the weights.

    Raises:
        SettingsError: if the stack is too large to be measured.
    """
    _check_size(settings)
    tcn = TCN(
        TCNSettings(
            channels=1,
            kernel=settings.kernel,
            dilations=settings.dilations,
            causal=settings.causal,
            parallel_pair=False,
            residual_1x1=False,
            skip_sum=False,
        )
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in tcn.parameters():
            parameter.copy_(0.5 + torch.rand(parameter.shape, generator=generator))
        for block in tcn.modules():
            if isinstance(block, DilatedConvolution):
                block.convolution.weight /= settings.kernel
    field = settings.field
    output = field.before + MARGIN
    features = torch.ones(1, 1, output + field.after + 1 + MARGIN, dtype=torch.float64)
    tcn.double().eval()
    return _gradient(lambda x: tcn(x)[0][0, :, output], features, 1, output)


def measure_model(network: BeatNetwork, settings: ModelSettings, *, seed: int = 0) -> ModelGradient:
    """Compute the gradients of the stages of a model on noise.

    The output is the logit of a beat at one frame, or the sum of a stage's features there. The gradient with
    respect to the input of the network is that in the compressed scale, ln(1 + log_scale * x), that the
    network reads.

    Args:
        network: network to measure; it is not changed.
        settings: settings of the model.
        seed: seed of the noise.

    Raises:
        SettingsError: if the receptive field is too large to be measured.
    """
    frames, output = _extent(settings)
    rng = np.random.default_rng(seed)
    spectrogram = rng.exponential(size=(frames, settings.network.front_end.bands))
    harmony = None
    if settings.network.harmony is not None:
        slow_frames = -(-frames // settings.network.harmony.ratio)
        harmony = rng.exponential(size=(slow_frames, settings.network.harmony.bands))
    return _measure(network, spectrogram, harmony, output)


def measure_recording(
    network: BeatNetwork,
    settings: ModelSettings,
    spectrogram: NDArray[np.float32],
    harmony: NDArray[np.float32] | None,
    output: int,
) -> ModelGradient:
    """Compute the gradients of the stages of a model at one frame of a recording; see `measure_model`.

    Args:
        network: network to measure; it is not changed.
        settings: settings of the model.
        spectrogram: magnitudes of the whole recording, shape (frames, bands).
        harmony: its harmony view, shape (slow frames, bands); None if the network reads none.
        output: frame of the output.

    Raises:
        SettingsError: if the receptive field is too large to be measured.
    """
    views = [spectrogram] if harmony is None else [spectrogram, harmony]
    if settings.network.causal:
        causal = CausalInput(settings)
        views = [causal.spectrogram(spectrogram), *map(causal.harmony, views[1:])]
    else:
        levels = [recording_level(view) for view in views]
        # As in inference, a view that is only rounding noise beside the spectrogram is left out.
        views = [
            view / max(level, SILENCE_LEVEL) * (level > QUIET * levels[0])
            for view, level in zip(views, levels, strict=True)
        ]
    frames, before = _extent(settings)
    ratio = settings.network.harmony.ratio if settings.network.harmony else 1
    first = max(output - before, 0) // ratio * ratio
    last = min(output - before + frames, len(spectrogram))
    slow = None if len(views) == 1 else views[1][first // ratio : -(-last // ratio)]
    return _measure(network, views[0][first:last], slow, output - first)


def with_new_weights(settings: NetworkSettings, *, seed: int = 0) -> BeatNetwork:
    """Return a network with random weights, none of which is zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BeatNetwork(settings)


def weighted_stages(network: BeatNetwork, settings: ModelSettings) -> tuple[Stage, ...]:
    """Return the stages of a model, calculated without those taps of its TCN whose weights are all zero.

    Training sets taps to zero that reach beyond its crops (`training.unseen_taps`).
    """
    if network.tcn is None:
        return model_stages(settings)
    before = after = 0
    for block in network.tcn.blocks:
        branches = [(0, 0), *(_reach(layers) for layers in cast(ResidualBlock, block).layers)]
        before += max(reach for reach, _ in branches)
        after += max(reach for _, reach in branches)
    return model_stages(settings, ReceptiveField(before, after))


def _reach(layers: list[DilatedConvolution]) -> tuple[int, int]:
    """Return how many frames before and after the output convolutions after one another see."""
    offsets = [_offsets(layer) for layer in layers]
    if not all(offsets):  # nothing passes a convolution of zeros
        return 0, 0
    return -sum(map(min, offsets)), sum(map(max, offsets))


def _offsets(module: DilatedConvolution) -> list[int]:
    """Return the offsets, in frames from the output, of the taps of a convolution that are not zero."""
    weight = module.convolution.weight  # (outputs, inputs, kernel)
    kernel, dilation = weight.shape[2], module.convolution.dilation[0]
    output = kernel - 1 if module.causal else kernel // 2  # the tap at the output's own frame
    used = weight.detach().abs().amax(dim=(0, 1)) > 0
    return [(tap - output) * dilation for tap in range(kernel) if used[tap]]


def _check_size(settings: StackSettings) -> None:
    sizes = {
        "frames": (settings.field.frames, MOST_FRAMES),
        "convolutions": (settings.convolutions, MOST_BLOCKS),
        "taps in a convolution": (settings.kernel, MOST_TAPS),
    }
    for unit, (size, most) in sizes.items():
        if size > most:
            raise SettingsError(f"too large to measure: {size} {unit}, at most {most} are possible")


def _extent(settings: ModelSettings) -> tuple[int, int]:
    """Return how many frames are needed, and the output frame, which lies on a frame of the harmony view."""
    step = settings.network.harmony.ratio if settings.network.harmony else 1
    sides = [(0, 0)]
    for stage in model_stages(settings):
        scale = 1 if stage.fps == settings.spectrogram.fps else step
        sides.append((stage.field.before * scale, stage.field.after * scale))
    before, after = (max(side) + MARGIN for side in zip(*sides, strict=True))
    output = -(-before // step) * step
    return output + after + 1, output


def _measure(
    network: BeatNetwork,
    magnitudes: NDArray[np.floating],
    slow_magnitudes: NDArray[np.floating] | None,
    output: int,
) -> ModelGradient:
    """Compute the gradients of all stages for views of one recording, divided by their levels."""
    if len(magnitudes) > MOST_MODEL_FRAMES:
        raise SettingsError(
            f"too large to measure: {len(magnitudes)} frames, at most {MOST_MODEL_FRAMES} are possible"
        )
    network = copy.deepcopy(network).cpu().double().eval()
    spectrogram = torch.from_numpy(magnitudes.astype(np.float64))[None]
    harmony = None if slow_magnitudes is None else torch.from_numpy(slow_magnitudes.astype(np.float64))[None]
    front_end, path = network.front_end, network.harmony
    with torch.no_grad():
        padded = front_end.pad(spectrogram)
        features = _in_blocks(front_end, padded)  # (1, channels, frames)
        slow = None if path is None or harmony is None else path(harmony)
    frames, channels = features.shape[2], features.shape[1]

    part = padded[:, : 2 * MARGIN + front_end.settings.receptive_field]
    own = MARGIN + network.settings.frames_before  # the frame of the input at the time of the output
    first = _gradient(lambda x: front_end(x)[0, :, MARGIN], part, 2, own)
    joined = features
    if path is not None and slow is not None:
        joined = torch.cat([features, _at_frames(network, slow, frames)], dim=1)
    tcn = _leaf_gradient(lambda x: network.heads(*network.body(x)).beats[0, output], joined)
    stages = [first, Gradient(_sizes(tcn, 1), output)]
    stages.append(Gradient(_through_front_end(network, spectrogram, padded, tcn[:, :channels]), output))
    if path is None or harmony is None:
        return ModelGradient(tuple(stages))

    ratio = path.settings.ratio
    place = output // ratio
    stages.append(_gradient(lambda x: path(x)[0, :, place], harmony, 2, place))
    gradient = _pulled_back(lambda x: _at_frames(network, path(x), frames), harmony, tcn[:, channels:])
    in_scale = gradient * _compressed_step(harmony, path.settings.log_scale)
    stages.append(Gradient(_sizes(in_scale, 2), place))
    return ModelGradient(tuple(stages))


def _through_front_end(network: BeatNetwork, spectrogram: Tensor, padded: Tensor, gradient: Tensor) -> Float:
    """Return the sizes of the gradient in the spectrogram from that in the features, block by block."""
    front_end = network.front_end
    field, frames = front_end.settings.receptive_field, gradient.shape[2]
    in_padded = torch.zeros_like(padded)
    for start in range(0, frames, BLOCK):
        stop = min(start + BLOCK, frames)
        seen = slice(start, stop + field - 1)
        in_padded[:, seen] += _pulled_back(front_end, padded[:, seen], gradient[:, :, start:stop])
    in_spectrogram = _pulled_back(front_end.pad, spectrogram, in_padded)
    return _sizes(in_spectrogram * _compressed_step(spectrogram, front_end.settings.log_scale), 2)


def _in_blocks(front_end: FrontEnd, padded: Tensor) -> Tensor:
    """Run the front-end on a padded spectrogram of any length."""
    missing = front_end.settings.receptive_field - 1
    frames = padded.shape[1] - missing
    blocks = [
        front_end(padded[:, start : min(start + BLOCK, frames) + missing])
        for start in range(0, frames, BLOCK)
    ]
    return torch.cat(blocks, dim=2)


def _at_frames(network: BeatNetwork, slow: Tensor, frames: int) -> Tensor:
    """Return features of the harmony path at the frames of the spectrogram."""
    path = network.settings.harmony
    if path is None:
        raise RuntimeError("the network has no harmony path")
    if path.delay is not None:
        return hold(slow, path.ratio, frames, delay=path.delay)
    return spread(slow, path.ratio, frames)


def _compressed_step(magnitudes: Tensor, log_scale: float) -> Tensor:
    """Return the change of magnitudes for a unit of their compressed scale, ln(1 + log_scale * x)."""
    return magnitudes + 1.0 / log_scale


def _gradient(function: Callable[[Tensor], Tensor], inputs: Tensor, channels: int, output: int) -> Gradient:
    """Return the gradient of a function at a frame; `channels` is the axis of bands or channels."""
    return Gradient(_sizes(_leaf_gradient(function, inputs), channels), output)


def _leaf_gradient(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return the gradient of the sum of a function's values with respect to its input."""
    return _pulled_back(lambda x: function(x).sum(), inputs, None)


def _pulled_back(function: Callable[[Tensor], Tensor], inputs: Tensor, gradient: Tensor | None) -> Tensor:
    """Return the gradient in a function's input from that in its output; None stands for 1."""
    leaf = inputs.detach().clone().requires_grad_()
    (result,) = torch.autograd.grad(function(leaf), leaf, gradient)
    return result


def _sizes(gradient: Tensor, channels: int) -> Float:
    """Return the sum of the absolute gradient over its channels, (frames,), of a batch of one."""
    sizes: Float = gradient.detach().abs().sum(dim=channels)[0].numpy()
    return sizes
