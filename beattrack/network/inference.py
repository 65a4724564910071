"""Inference: from spectrogram to activations, with ONNX Runtime on the CPU or torch on a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.errors import MissingExtraError
from beattrack.network.body import Body, run_body
from beattrack.network.causal_input import CausalInput
from beattrack.network.input_level import (
    QUIET,
    SILENCE_LEVEL,
    frame_levels,
    is_steady,
    overall_level,
    recording_level,
    silences,
)
from beattrack.network.model_settings import ModelSettings
from beattrack.network.onnx_engine import check_model_file, open_onnx
from beattrack.runtime import checks
from beattrack.runtime.cores import usable_cores
from beattrack.runtime.lanes import in_lanes

Float = NDArray[np.float32]
Device = Literal["cpu", "cuda", "auto"]

REST_SECONDS = 2.0  # the beat continues through shorter silence between sounds
GATHERED_FRAMES = 2**17  # 38 MB, more than what C's memory manager keeps for itself
FRONT_END_FRAMES = 1024  # the feature maps, 6 MB, fit the cache; 4096 frames take 60 MB more


class Engine(Body, Protocol):
    """A backend that runs the parts of the network."""

    def features(self, padded: Float) -> Float:
        """Run the front-end: (1, padded frames, bands) to (1, channels, frames)."""

    def harmony(self, harmony: Float) -> Float:
        """Run the harmony path, if there is one: (1, slow frames, bands) to (1, channels, slow frames)."""


class Network:
    """A loaded model, to be used for any number of recordings.

    `load_network` opens a model file. Copying or unpickling a network opens the file again.

    Args:
        engine: runs the parts of the network.
        settings: settings of the model.
        threads: threads that run an engine for the CPU on several parts of a recording at once.
    """

    def __init__(self, engine: Engine, settings: ModelSettings, *, threads: int = 1) -> None:
        self._engine, self._threads = engine, threads
        self.settings = settings

    def compute(self, blocks: Iterable[Float], harmony: Iterable[Float] = ()) -> Activations:
        """Compute the activations of a recording.

        The spectrogram is divided by the level of the whole recording, so all blocks are read before the
        first is used. Silence and steady sounds give activations of zero and no tempo. Silent frames at the
        start and end, and silence of more than 2 s in between, are set to zero, because the network would
        continue the beat there. None of this applies to causal networks: each frame is divided by the running
        level, and the activations are those of `StreamingNetwork`.

        Args:
            blocks: spectrogram in blocks of magnitudes, each of shape (frames, bands).
            harmony: harmony view in blocks of magnitudes, each of shape (slow frames, bands), for networks
                that use it; read after `blocks`. Without it these networks track less well.

        Returns:
            Activations with one value per frame; see `Activations.tempo_only` for networks that decide about
            whole clips.
        """
        magnitudes = gathered(blocks)
        frames = sum(len(block) for block in magnitudes)
        fps = float(self.settings.spectrogram.fps)
        levels = frame_levels(magnitudes)
        level = overall_level(levels)
        if self.settings.network.causal:
            beats, downbeats = self._causal(magnitudes, harmony, frames)
            return Activations(beats, downbeats, fps=fps, pauses=_pauses(silences(levels, level), fps))
        if level <= SILENCE_LEVEL or is_steady(levels):
            silence = np.zeros(frames, np.float32)
            everywhere = np.array([[0, frames]])
            return Activations(beats=silence, downbeats=silence.copy(), fps=fps, pauses=everywhere)
        features = self._features(magnitudes, frames, level)
        quiet = silences(levels, level)
        pauses = _pauses(quiet, fps)
        if self.settings.network.clip_level:
            unknown = np.full(frames, np.nan, np.float32)
            tempo = self._engine.probabilities(features)[0][0]
            return Activations(unknown, None, fps=fps, tempo=tempo, pauses=pauses)
        self._add_harmony(features, harmony, level)
        del magnitudes  # frees 105 MB per hour of audio before the TCN runs
        beats, downbeats, tempo = self._body(features)
        for start, stop in (*pauses, *quiet[(quiet[:, 0] == 0) | (quiet[:, 1] == frames)]):
            beats[start:stop] = downbeats[start:stop] = 0.0
        return Activations(beats=beats, downbeats=downbeats, fps=fps, tempo=tempo, pauses=pauses)

    def _causal(self, magnitudes: list[Float], harmony: Iterable[Float], frames: int) -> tuple[Float, Float]:
        """Compute beats and downbeats, (frames,) each, of a network that sees no later frames."""
        network, views = self.settings.network, CausalInput(self.settings)
        if not frames:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        features = self._features([views.spectrogram(block) for block in magnitudes], frames, 1.0)
        if network.harmony is not None and network.harmony.delay is not None:
            slow_frames = -(-frames // network.harmony.ratio)
            nothing = np.empty((0, network.harmony.bands), np.float32)
            slow_view = np.concatenate([nothing, *harmony]).astype(np.float32, copy=False)[:slow_frames]
            if len(slow_view):
                slow = self._engine.harmony(views.harmony(slow_view)[None])[0]
                features[0, network.front_end.channels :] = hold(
                    slow, network.harmony.ratio, frames, delay=network.harmony.delay
                )
        beats, downbeats, _ = self._body(features)
        return beats, downbeats

    def _features(self, magnitudes: list[Float], frames: int, level: float) -> Float:
        """Compute the front-end's features: (1, channels, frames), zero for the harmony path."""
        network = self.settings.network
        stride = network.front_end.stride
        features = np.zeros((1, network.feature_channels, -(-frames // stride)), np.float32)
        channels, block_frames = network.front_end.channels, FRONT_END_FRAMES // stride * stride

        def run(numbered: tuple[int, Float]) -> None:
            start = numbered[0] * (block_frames // stride)
            block = self._engine.features(numbered[1][None] / np.float32(level))
            features[:, :channels, start : start + block.shape[2]] = block

        blocks = enumerate(padded_blocks(magnitudes, self.settings, frames=block_frames))
        in_lanes(run, blocks, threads=min(self._threads, -(-frames // block_frames)))
        return features

    def _add_harmony(self, features: Float, harmony: Iterable[Float], level: float) -> None:
        """Write the features of the harmony view into their channels of `features`.

        A view 80 dB below the level of the spectrogram, as of cymbals alone, is rounding noise and left out.
        """
        network = self.settings.network
        if network.harmony is None:
            return
        nothing = np.empty((0, network.harmony.bands), np.float32)
        magnitudes = np.concatenate([nothing, *harmony]).astype(np.float32, copy=False)
        harmony_level = recording_level(magnitudes)
        if harmony_level > QUIET * level:
            slow = self._engine.harmony(magnitudes[None] / np.float32(harmony_level))
            features[0, network.front_end.channels :] = spread(
                slow[0], network.harmony.ratio, features.shape[2]
            )

    def _body(self, features: Float) -> tuple[Float, Float, Float | None]:
        """Compute beats and downbeats, (frames,), and tempo, (bins,)."""
        return run_body(self._engine, features, self.settings.network.body_reach, self._threads)


def gathered(blocks: Iterable[Float]) -> list[Float]:
    """Copy blocks into arrays of `GATHERED_FRAMES` frames, the last one shorter; none are empty.

    Memory of such large arrays goes back to the system with them; that of many small ones may not.
    """
    arrays: list[Float] = []
    filled = GATHERED_FRAMES
    for block in blocks:
        rest = block
        while len(rest):
            if filled == GATHERED_FRAMES:
                arrays.append(np.empty((GATHERED_FRAMES, block.shape[1]), np.float32))
                filled = 0
            taken = rest[: GATHERED_FRAMES - filled]
            arrays[-1][filled : filled + len(taken)] = taken
            filled, rest = filled + len(taken), rest[len(taken) :]
    return [*arrays[:-1], *(array[:filled] for array in arrays[-1:])]


def spread(slow: Float, ratio: int, frames: int) -> Float:
    """Interpolate features linearly to a frame rate `ratio` times as high.

    Args:
        slow: shape (channels, slow frames). Slow frame i lies at frame ratio * i.
        ratio: frames per slow frame.
        frames: number of frames to return; the last slow frame is repeated.

    Returns:
        Features of shape (channels, frames).
    """
    following = np.concatenate([slow[:, 1:], slow[:, -1:]], axis=1)
    weight = np.arange(ratio, dtype=np.float32) / np.float32(ratio)
    lines = slow[:, :, None] * (1 - weight) + following[:, :, None] * weight  # (channels, slow frames, ratio)
    fast = lines.reshape(len(slow), -1)
    return np.pad(fast, ((0, 0), (0, max(frames - fast.shape[1], 0))), mode="edge")[:, :frames]


def hold(slow: Float, ratio: int, frames: int, *, delay: int) -> Float:
    """Repeat features at a frame rate `ratio` times as high, each from `delay` frames after its time on.

    Args:
        slow: shape (channels, slow frames), at least one. Slow frame i lies at frame ratio * i.
        ratio: frames per slow frame.
        frames: number of frames to return; the last slow frame is repeated.
        delay: frames by which each slow frame comes late; zeros come before the first.

    Returns:
        Features of shape (channels, frames).
    """
    number = (np.arange(frames) - delay) // ratio
    return np.where(number < 0, np.float32(0), slow[:, np.clip(number, 0, slow.shape[1] - 1)])


def _pauses(quiet: NDArray[np.int64], fps: float) -> NDArray[np.int64]:
    """Return the silences that are pauses: those of more than 2 s."""
    return quiet[np.diff(quiet)[:, 0] > REST_SECONDS * fps]


def padded_blocks(magnitudes: list[Float], settings: ModelSettings, *, frames: int) -> Iterator[Float]:
    """Cut a spectrogram into padded blocks for the front-end.

    The blocks overlap by the frames that the convolutions remove. At both ends the outermost frame is
    repeated.

    Args:
        magnitudes: spectrogram in blocks, each of shape (frames, bands).
        settings: settings of the model.
        frames: largest number of frames in a block, without padding.

    Yields:
        Blocks of shape (frames + receptive_field - 1, bands).
    """
    network = settings.network
    missing = network.front_end.receptive_field - 1
    held = np.repeat(magnitudes[0][:1], max(network.frames_before, 0), axis=0)
    ending = np.repeat(magnitudes[-1][-1:], network.frames_after, axis=0)
    unread = max(-network.frames_before, 0)  # with a long look-ahead, no output reads the first frames
    for block in (*magnitudes, ending):
        held = np.concatenate([held, block[unread:]])
        unread = max(unread - len(block), 0)
        start = 0
        while len(held) - start >= frames + missing:
            yield held[start : start + frames + missing]
            start += frames
        held = held[start:]
    if len(held) > missing:
        yield held


def load_network(
    path: str | os.PathLike[str], *, device: Device = "cpu", threads: int | None = None
) -> Network:
    """Read a model file.

    Args:
        path: model file.
        device: `cpu` uses ONNX Runtime, `cuda` uses torch on the GPU, `auto` uses the GPU if there is one.
        threads: CPU threads; None uses all cores available to this process.

    Returns:
        The network, ready for use.

    Raises:
        ModelError: if the file is missing, damaged or not a beattrack model, or if there is no GPU.
        MissingExtraError: if `cuda` is given and torch is not installed.
        SettingsError: if path, device or threads is invalid.
    """
    checks.choice(get_args(Device))("device", device)
    threads = checks.optional(checks.positive(whole=True))("threads", threads)
    checks.instance(str, os.PathLike, called="the path of a model file")("path", path)
    name = os.fspath(path)
    check_model_file(name)
    if device == "cpu" or (device == "auto" and not _has_gpu()):
        return Network(*open_onnx(name), threads=min(threads or usable_cores(), usable_cores()))
    try:
        from beattrack.network.torch_engine import open_torch
    except ImportError as error:
        raise MissingExtraError("torch", "train", "--device cuda") from error
    return Network(*open_torch(name))


def _has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
