"""The level of a recording, by which its spectrogram is divided so that gain does not matter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

QUIET = 1e-4  # of the level: below what is heard, above the rounding of 16-bit audio
STEADY = 0.01  # change of level, 0.1 dB: far below that of any music, of noise too
EDGE = 5  # frames: half a window, and the ringing of a resampler


def recording_level(spectrogram: NDArray[np.float32]) -> float:
    """Level of a spectrogram of (frames, bands) magnitudes; see `overall_level`."""
    return overall_level(frame_levels([spectrogram]))


def overall_level(levels: NDArray[np.float64]) -> float:
    """Mean level of the frames, each weighted by its own: sum(m^2) / sum(m); 0 for silence.

    levels: (frames,) of `frame_levels`. With this weighting silence counts nothing, so that padding a
    recording leaves its level as it is.
    """
    total = float(levels.sum())
    return float(levels @ levels) / total if total > 0 else 0.0


def frame_levels(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Mean magnitude of each frame of a spectrogram in blocks: (frames,)."""
    return np.concatenate([np.empty(0), *(block.mean(axis=1, dtype=np.float64) for block in blocks)])


def silent_frames(levels: NDArray[np.float64], level: float, rest: int) -> NDArray[np.bool_]:
    """Return which frames are silent, 80 dB below the level of the recording.

    Args:
        levels: levels of `frame_levels`, shape (frames,).
        level: level of the recording.
        rest: silence between sounds counts if it lasts more than this many frames; at the start and the end
            it always counts.

    Returns:
        Mask of shape (frames,).
    """
    sounding = np.flatnonzero(levels > QUIET * level)
    silent = np.ones(len(levels), dtype=bool)
    if len(sounding):
        silent[sounding[0] : sounding[-1] + 1] = False
    for before in np.flatnonzero(np.diff(sounding) - 1 > rest):
        silent[sounding[before] + 1 : sounding[before + 1]] = True
    return silent


def is_steady(levels: NDArray[np.float64]) -> bool:
    """Tell whether nothing happens from start to end: a constant, a tone, or less than a tenth of a second.

    levels: (frames,) of `frame_levels`. The edges, where the sound sets in and breaks off, do not count.
    """
    inner = levels[EDGE:-EDGE]
    return not len(inner) or bool(np.ptp(inner) <= STEADY * inner.max())
