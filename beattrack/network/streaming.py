"""Causal networks frame by frame, for live music.

Every block of the TCN remembers as many of its inputs as its most distant tap needs, so each frame costs the
same however long the stream lasts. Paine et al., "Fast WaveNet Generation Algorithm", arXiv 1611.09482.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import ModelError
from beattrack.network.causal_input import CausalInput
from beattrack.network.model_settings import ModelSettings
from beattrack.network.onnx_engine import OnnxEngine, check_model_file, open_onnx

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
        self.reset()

    @property
    def look_ahead(self) -> int:
        """Frames by which the output is late."""
        return self.settings.network.frames_after

    def reset(self) -> None:
        """Forget everything heard so far."""
        network = self.settings.network
        self._input = CausalInput(self.settings)
        self._padded = np.empty((0, network.front_end.bands), np.float32)  # what the front-end still needs
        self._started = False
        self._taps = _Taps(self.settings)
        self._slow = _SlowFeatures(self._engine, self.settings) if network.harmony else None
        self._frame = 0  # number of the next output

    def process(self, spectrogram: Float, harmony: Float | None = None) -> tuple[Float, Float]:
        """Take the next frames and return the outputs that are complete.

        Args:
            spectrogram: magnitudes, shape (frames, bands).
            harmony: frames of the harmony view, shape (slow frames, bands), for networks that use it, each in
                time for the frame that is `delay` frames later; None for none yet.

        Returns:
            Probabilities of beats and of downbeats at the next frames, shape (outputs,) each.
        """
        if len(spectrogram):
            normalised = self._input.spectrogram(np.asarray(spectrogram, np.float32))
            if not self._started:
                self._pad(normalised[:1], self.settings.network.frames_before)
                self._started = True
            self._padded = np.concatenate([self._padded, normalised])
        if harmony is not None and len(harmony) and self._slow is not None:
            self._slow.take(self._input.harmony(np.asarray(harmony, np.float32)))
        return self._advance()

    def finish(self) -> tuple[Float, Float]:
        """Return the outputs of the last frames, as if the recording ended here."""
        if self._started:
            self._pad(self._padded[-1:], self.look_ahead)
        return self._advance()

    def _pad(self, frame: Float, count: int) -> None:
        self._padded = np.concatenate([self._padded, np.repeat(frame, count, axis=0)])

    def _advance(self) -> tuple[Float, Float]:
        network = self.settings.network
        needed = network.front_end.receptive_field - 1
        if len(self._padded) <= needed:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        features = self._engine.features(self._padded[None])[0]  # (channels of the front-end, frames)
        self._padded = self._padded[len(self._padded) - needed :]
        outputs = np.empty((features.shape[1], 2), np.float32)
        frame = np.zeros((1, network.tcn.channels, 1), np.float32)
        for index in range(len(outputs)):
            frame[0, : network.front_end.channels, 0] = features[:, index]
            if self._slow is not None:
                frame[0, network.front_end.channels :, 0] = self._slow.at(self._frame)
            beat, downbeat, *inputs = self._engine.step(frame, self._taps.pasts(self._frame))
            self._taps.store(self._frame, inputs)
            outputs[index] = beat[0, 0], downbeat[0, 0]
            self._frame += 1
        return outputs[:, 0].copy(), outputs[:, 1].copy()


class _Taps:
    """What the taps of each block see: ring buffers of its inputs."""

    def __init__(self, settings: ModelSettings) -> None:
        tcn = settings.network.tcn
        self._distances = [np.array(tcn.tap_distances(dilation)) for dilation in tcn.dilations]
        # The most distant tap reads the place that the current frame will take.
        self._rings = [np.zeros((max(d), tcn.channels), np.float32) for d in self._distances]

    def pasts(self, frame: int) -> list[Float]:
        """Return the earlier inputs of each block that a frame needs, shape (1, taps, channels) each."""
        return [
            ring[(frame - distances) % len(ring)][None]
            for ring, distances in zip(self._rings, self._distances, strict=True)
        ]

    def store(self, frame: int, inputs: list[Float]) -> None:
        """Remember the inputs of the blocks at a frame, shape (1, channels, 1) each."""
        for ring, features in zip(self._rings, inputs, strict=True):
            ring[frame % len(ring)] = features[0, :, 0]


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
    engine, settings = open_onnx(name, threads=1)
    if not settings.network.tcn.causal:
        raise ModelError(f"{name}: looks ahead; live music needs a causal model, such as tcn-causal")
    return StreamingNetwork(engine, settings)
