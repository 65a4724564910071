"""Make paths impossible that have no beat in a window, or one at a wrong position in the bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.observation import Window
from beattrack.decoding.dbn.state_space import StateSpace

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def forbid(values: Float64, space: StateSpace, windows: Sequence[Window], start: int) -> None:
    """Set the scores of beats to -inf that pass over a window, or begin in one at a wrong position.

    A path has a beat in every window if and only if none of its beats begins before a window and ends after
    it. Windows are not longer than the shortest interval, so the beat is the only one in its window.

    Args:
        values: scores of the beats that begin at each frame, shape (intervals, places, frames); changed.
        space: the state space.
        windows: the windows, in ascending order.
        start: the first of these frames, which may be negative.
    """
    stop = start + values.shape[2]
    for window in windows:
        first, end = max(window.stop - space.longest, start), min(window.start, stop)
        if first < end:
            next_beat = space.intervals[:, None] + np.arange(first, end)  # (intervals, frames)
            passing = (next_beat >= window.stop)[:, None]
            np.copyto(values[:, :, first - start : end - start], -np.inf, where=passing)
        first, end = max(window.start, start), min(window.stop, stop)
        if first < end and window.position is not None:
            values[:, space.number != window.position - 1, first - start : end - start] = -np.inf


def touched(windows: Sequence[Window], longest: int, start: int, stop: int, block: int) -> Iterator[int]:
    """Yield the first frame of each block in which `forbid` changes a score.

    Args:
        windows: the windows.
        longest: longest interval in frames.
        start: first frame of the first block.
        stop: end of the last block.
        block: frames of a block.
    """
    blocks = np.zeros((stop - start) // block, dtype=bool)
    for window in windows:
        first = max(window.stop - longest - start, 0) // block
        blocks[first : max(-(-(window.stop - start) // block), 0)] = True
    yield from (start + np.flatnonzero(blocks) * block).tolist()
