"""Causal networks frame by frame, for live music.

Every block of the TCN remembers as many of its inputs as its most distant tap needs, and a recurrent network
its states, so each frame costs the same however long the stream lasts.

Paine et al., "Fast WaveNet Generation Algorithm", arXiv 1611.09482.
"""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import ModelError
from beattrack.network.causal_input import CausalInput
from beattrack.network.model_settings import ModelSettings
from beattrack.network.onnx_engine import OnnxEngine, check_model_file, open_onnx
from beattrack.network.settings import NetworkSettings, TCNSettings
from beattrack.network.step_graph import Shape, map_names, step_output_names, step_shapes

Float = NDArray[np.float32]


class StreamingNetwork:
    """A causal network whose input arrives bit by bit; see `load_streaming_network`.

    The results equal those of `Network.compute` for the whole recording, however the frames are grouped. The
    output of a frame needs the next `look_ahead` frames of the spectrogram, so it comes as many frames late.

    Attributes:
        settings: settings of the model.
    """

    def __init__(self, engine: OnnxEngine, settings: ModelSettings) -> None:
        self._engine = engine
        self.settings = settings
        self._outputs = step_output_names(settings.network)
        self.reset()

    @property
    def look_ahead(self) -> int:
        """Frames by which the output is late."""
        return self.settings.network.frames_after

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._input = CausalInput(self.settings)
        self._slow = _SlowFeatures(self._engine, self.settings) if self.settings.network.harmony else None
        self._maps = _Maps(self.settings)
        self._memory = _memory(self.settings.network)
        self._frame = 0  # number of the next output
        self._unread = max(-self.settings.network.frames_before, 0)  # frames that no output reads
        self._last = np.empty((0, self.settings.network.front_end.bands), np.float32)

    def process(self, spectrogram: Float, harmony: Float | None = None) -> tuple[Float, Float]:
        """Take the next frames and return the outputs that are complete.

        Args:
            spectrogram: magnitudes, shape (frames, bands).
            harmony: frames of the harmony view, shape (slow frames, bands), for networks that use it, each in
                time for the frame that is `delay` frames later; None for none yet.

        Returns:
            Probabilities of beats and of downbeats at the next frames, shape (outputs,) each.
        """
        normalised = self._input.spectrogram(np.asarray(spectrogram, np.float32))
        self._take_harmony(harmony)
        if len(normalised):
            if not self._maps.seen:  # as if the first frame had always sounded
                self._run(np.repeat(normalised[:1], max(self.settings.network.frames_before, 0), axis=0))
            self._last = normalised[-1:]
        return self._run(normalised)

    def finish(self, harmony: Float | None = None) -> tuple[Float, Float]:
        """Return the outputs of the last frames, as if the recording ended here.

        Args:
            harmony: the last frames of the harmony view, whose windows extend beyond the end.
        """
        self._take_harmony(harmony)
        return self._run(np.repeat(self._last, self.look_ahead, axis=0))

    def _take_harmony(self, harmony: Float | None) -> None:
        if harmony is not None and len(harmony) and self._slow is not None:
            self._slow.take(self._input.harmony(np.asarray(harmony, np.float32)))

    def _run(self, frames: Float) -> tuple[Float, Float]:
        unread = min(self._unread, len(frames))
        self._unread -= unread
        outputs = [output for frame in frames[unread:] if (output := self._step(frame)) is not None]
        rows = np.array(outputs, np.float32).reshape(-1, 2)
        return rows[:, 0].copy(), rows[:, 1].copy()

    def _step(self, frame: Float) -> tuple[float, float] | None:
        """Take a frame of the padded spectrogram, (bands,), and return the output that it completes."""
        inputs = {"frame": frame[None, None], **self._maps.pasts()}
        if self._maps.seen < self.settings.network.front_end.receptive_field - 1:
            self._maps.store(self._engine.step(inputs, self._maps.names))
            return None
        if self._slow is not None:
            inputs["slow"] = self._slow.at(self._frame)[None]
        computed = self._engine.step({**inputs, **self._memory.pasts(self._frame)}, self._outputs)
        after_maps = 2 + len(self._maps.names)
        self._maps.store(computed[2:after_maps])
        self._memory.store(self._frame, computed[after_maps:])
        self._frame += 1
        return float(computed[0][0, 0]), float(computed[1][0, 0])


class _Maps:
    """The earlier inputs of the front-end's convolutions over time."""

    def __init__(self, settings: ModelSettings) -> None:
        front_end = settings.network.front_end
        self.names = map_names(settings.network)
        self.seen = 0  # frames so far
        self._pasts = [np.zeros((1, *shape), np.float32) for shape in front_end.past_maps]

    def pasts(self) -> dict[str, Float]:
        """Return them by the names of the graph's inputs."""
        return {f"maps_{i}": past for i, past in enumerate(self._pasts)}

    def store(self, maps: list[Float]) -> None:
        """Remember the inputs of the convolutions at a frame."""
        self._pasts = [
            np.concatenate([past[:, :, 1:], now], axis=2) for past, now in zip(self._pasts, maps, strict=True)
        ]
        self.seen += 1


class _Memory(Protocol):
    """What the body of a network remembers of earlier frames."""

    def pasts(self, frame: int) -> dict[str, Float]:
        """Return what a frame needs, by the names of the graph's inputs."""

    def store(self, frame: int, inputs: list[Float]) -> None:
        """Remember the outputs of the graph at a frame."""


def _memory(network: NetworkSettings) -> _Memory:
    if network.tcn is not None:
        return _Taps(network.tcn)
    shapes = step_shapes(network)
    return _States([shape for name, shape in shapes.items() if name.startswith("past_")])


class _States:
    """The states of a recurrent network, zero before the first frame."""

    def __init__(self, shapes: list[Shape]) -> None:
        self._states = [np.zeros(shape, np.float32) for shape in shapes]

    def pasts(self, frame: int) -> dict[str, Float]:
        """Return the states after the frame before, by the names of the graph's inputs."""
        return {f"past_{i}": state for i, state in enumerate(self._states)}

    def store(self, frame: int, inputs: list[Float]) -> None:
        """Remember the states after a frame."""
        self._states = inputs


class _Taps:
    """What the taps of the convolutions see: ring buffers of their inputs."""

    def __init__(self, tcn: TCNSettings) -> None:
        self._distances = [np.array(distances) for distances in tcn.memories]
        # The most distant tap reads the place that the current frame will take.
        self._rings = [np.zeros((max(d), tcn.channels), np.float32) for d in self._distances]

    def pasts(self, frame: int) -> dict[str, Float]:
        """Return the earlier inputs that a frame needs, by the names of the graph's inputs."""
        return {
            f"past_{i}": ring[(frame - distances) % len(ring)][None]  # (1, taps, channels)
            for i, (ring, distances) in enumerate(zip(self._rings, self._distances, strict=True))
        }

    def store(self, frame: int, inputs: list[Float]) -> None:
        """Remember the inputs at a frame, shape (1, channels) each."""
        for ring, features in zip(self._rings, inputs, strict=True):
            ring[frame % len(ring)] = features[0]


class _SlowFeatures:
    """Features of the harmony view, each held from `delay` frames after its time on."""

    def __init__(self, engine: OnnxEngine, settings: ModelSettings) -> None:
        path = settings.network.harmony
        if path is None or path.delay is None:
            raise ModelError("the model has no causal harmony path")
        self._engine = engine
        self._path, self._delay = path, path.delay
        self._view = np.empty((0, path.bands), np.float32)  # the last frames, as many as one output sees
        self._waiting: list[Float] = []
        self._next = 0  # number of the next slow frame to compute
        self._features = np.zeros(path.channels, np.float32)

    def take(self, normalised: Float) -> None:
        """Take the next frames of the view, shape (slow frames, bands)."""
        self._waiting += list(normalised)

    def at(self, frame: int) -> Float:
        """Return the features at a frame of the spectrogram, shape (channels,).

        A slow frame that is missing, as at the end of a recording, leaves the features as they are.
        """
        while self._waiting and self._next <= (frame - self._delay) // self._path.ratio:
            view = np.concatenate([self._view, self._waiting.pop(0)[None]])
            self._features = self._engine.harmony(view[None])[0, :, -1]
            self._view = view[-self._path.receptive_field + 1 :]
            self._next += 1
        return self._features


def load_streaming_network(path: str | os.PathLike[str]) -> StreamingNetwork:
    """Read the file of a causal model.

    Args:
        path: model file.

    Returns:
        The network, at the start of a stream. It uses one thread, because more would not be faster.

    Raises:
        ModelError: if the file is missing or damaged, or if the model is not causal.
    """
    name = os.fspath(path)
    check_model_file(name)
    engine, settings = open_onnx(name)
    if not settings.network.causal:
        raise ModelError(f"{name}: looks ahead; live music needs a causal model, such as tcn-causal")
    return StreamingNetwork(engine, settings)
