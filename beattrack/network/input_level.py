"""The level of a recording. Spectrograms are divided by it, so that gain does not matter."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SILENCE_LEVEL = 1e-6  # rounding noise of 24-bit audio; quieter recordings count as silent
LEVEL_SECONDS = 10.0  # time constant of the running level
# Least running level: 90 dB below loud music. Before the first sound there is no level to compare noise with.
LEAST_LEVEL = 1e-4
QUIET = 1e-4  # over the recording's level: inaudible, but above the rounding noise of 16-bit audio
STEADY = 0.01  # relative change of level, 0.1 dB: far less than in music or noise
_LEAST_TOTAL = 1e-100  # hours of silence later, the sums would be too small to divide
EDGE = 5  # frames: half a window, and the ringing of a resampler


def recording_level(spectrogram: NDArray[np.float32]) -> float:
    """Compute the level of a spectrogram, (frames, bands) magnitudes; see `overall_level`."""
    return overall_level(frame_levels([spectrogram]))


def overall_level(levels: NDArray[np.float64]) -> float:
    """Compute the mean of the frame levels, each weighted by itself: sum(m^2) / sum(m).

    With this weighting, silence before or after a recording does not change its level.

    Args:
        levels: levels from `frame_levels`, shape (frames,).

    Returns:
        The level, 0 for silence.
    """
    total = float(levels.sum())
    # No product of vectors: the threads that BLAS takes for it keep their cores busy for a while afterwards.
    return float(np.square(levels).sum()) / total if total > 0 else 0.0


class RunningLevel:
    """The level of a recording up to each frame, for networks that do not know what follows.

    It is the self-weighted mean of `overall_level`, in which older frames count exponentially less. As there,
    silence does not change it.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._decay = math.exp(-1.0 / (LEVEL_SECONDS * fps))
        self._total = self._weighted = 0.0
        self._level = LEAST_LEVEL

    def __call__(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the level at each of the next frames, at least `LEAST_LEVEL`.

        Args:
            levels: levels of these frames from `frame_levels`, shape (frames,).
        """
        running = []
        # A loop, so that the result does not depend on how the frames are grouped.
        for level in levels.tolist():
            self._total = self._decay * self._total + level
            self._weighted = self._decay * self._weighted + level * level
            if self._total > _LEAST_TOTAL:
                self._level = max(self._weighted / self._total, LEAST_LEVEL)
            running.append(self._level)
        return np.array(running)


def over_running_level(spectrogram: NDArray[np.float32], fps: float) -> NDArray[np.float32]:
    """Return a spectrogram, (frames, bands), with each frame divided by the running level."""
    levels = RunningLevel(fps)(frame_levels([spectrogram]))
    return np.divide(spectrogram, levels[:, None], dtype=np.float32)


def frame_levels(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Compute the mean magnitude of each frame.

    Args:
        blocks: spectrogram in blocks, each of shape (frames, bands).

    Returns:
        Levels of shape (frames,), for all blocks together.
    """
    return np.concatenate([np.empty(0), *(block.mean(axis=1, dtype=np.float64) for block in blocks)])


def silences(levels: NDArray[np.float64], level: float) -> NDArray[np.int64]:
    """Return the runs of silent frames, 80 dB and more below the level of the recording.

    Args:
        levels: levels of the frames, shape (frames,).
        level: level of the recording.

    Returns:
        First frame and frame after the last of each run, ascending, shape (runs, 2).
    """
    silent = levels <= QUIET * level
    return np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2)


def is_steady(levels: NDArray[np.float64]) -> bool:
    """Return whether the level stays constant, as in a steady tone or less than a tenth of a second of audio.

    Args:
        levels: levels from `frame_levels`, shape (frames,). The outermost frames are ignored, because the
            sound starts and stops there.
    """
    inner = levels[EDGE:-EDGE]
    return not len(inner) or bool(np.ptp(inner) <= STEADY * inner.max())
