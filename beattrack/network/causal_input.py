"""The input of causal networks: both views divided by their running levels, frame by frame."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from beattrack.network.input_level import QUIET, RunningLevel, frame_levels
from beattrack.network.model_settings import ModelSettings

Float = NDArray[np.float32]


class CausalInput:
    """Normaliser of the views of one recording or stream, in any grouping of frames.

    Args:
        settings: settings of the model.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._level = RunningLevel(settings.spectrogram.fps)
        self._harmony_level = RunningLevel(settings.slow_fps) if settings.harmony else None
        self._ratio = settings.network.harmony.ratio if settings.network.harmony else 0
        self._frames = 0
        # Levels of the spectrogram at the times of the next frames of the harmony view.
        self._levels: deque[float] = deque()

    def spectrogram(self, magnitudes: Float) -> Float:
        """Return the next frames of the spectrogram, (frames, bands), divided by their levels."""
        levels = self._level(frame_levels([magnitudes]))
        if self._ratio:
            self._levels += levels[-self._frames % self._ratio :: self._ratio].tolist()
        self._frames += len(levels)
        return np.divide(magnitudes, levels[:, None], dtype=np.float32)

    def harmony(self, magnitudes: Float) -> Float:
        """Return the next frames of the harmony view, (slow frames, bands), divided by their levels.

        Frames whose level is 80 dB below that of the spectrogram at the same time, as of cymbals alone, are
        rounding noise and become zero. That part of the spectrogram must have been normalised before.
        """
        if self._harmony_level is None:
            raise RuntimeError("the network reads no harmony view")
        levels = self._harmony_level(frame_levels([magnitudes]))
        others = np.array([self._levels.popleft() for _ in levels])
        audible = levels > QUIET * others
        return magnitudes * (audible / levels)[:, None].astype(np.float32)
