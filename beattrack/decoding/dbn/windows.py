"""Windows for the beats of anchors: paths without a beat in each become impossible."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn.observation import Window
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.errors import SettingsError

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


_ROUNDING = 1e-6  # of a frame


@dataclass(frozen=True)
class AnchorWindow:
    """The window of an anchor.

    Attributes:
        time: time of the anchor in seconds from the start of the recording.
        window: its window.
    """

    time: float
    window: Window

    def moved(self, frames: int) -> AnchorWindow:
        """Return this window `frames` later."""
        start, stop = self.window.start + frames, self.window.stop + frames
        return replace(self, window=replace(self.window, start=start, stop=stop))


def anchor_windows(
    anchors: Anchors, *, fps: float, frames: int, shortest: int, start: float = 0.0
) -> list[AnchorWindow]:
    """Compute the windows of anchors: the frames within the tolerance that are nearest to each.

    Args:
        anchors: the anchors.
        fps: frames per second.
        frames: number of frames.
        shortest: shortest beat interval in frames, the most that a window has.
        start: seconds from the start of the recording to the first frame.

    Returns:
        The windows, in ascending order without overlap; anchors with the same nearest frame share one.

    Raises:
        SettingsError: if anchors with the same nearest frame have different positions.
    """
    reach = (shortest - 1) // 2
    nearest = anchors.frames(fps, frames, start).tolist()
    found: list[AnchorWindow] = []
    for frame, (time, position) in zip(nearest, anchors.pairs, strict=True):
        first = max(math.ceil((time - start - anchors.tolerance) * fps - _ROUNDING), frame - reach, 0)
        last = min(
            math.floor((time - start + anchors.tolerance) * fps + _ROUNDING), frame + reach, frames - 1
        )
        window = Window(min(first, frame), max(last, frame) + 1, position)
        found.append(AnchorWindow(time, window))
    return _without_overlap(found, nearest)


def _without_overlap(found: list[AnchorWindow], nearest: list[int]) -> list[AnchorWindow]:
    kept, frames = found[:1], nearest[:1]
    for anchor, frame in zip(found[1:], nearest[1:], strict=True):
        before = kept[-1]
        if frame == frames[-1]:
            kept[-1] = _merged(before, anchor)
            continue
        middle = (frames[-1] + frame) // 2 + 1
        kept[-1] = replace(before, window=replace(before.window, stop=min(before.window.stop, middle)))
        window = replace(anchor.window, start=max(anchor.window.start, middle))
        kept.append(replace(anchor, window=window))
        frames.append(frame)
    return kept


def _merged(one: AnchorWindow, other: AnchorWindow) -> AnchorWindow:
    known = {anchor.window.position for anchor in (one, other)} - {None}
    if len(known) > 1:
        raise SettingsError(
            f"the anchors at {one.time:.3f} s and {other.time:.3f} s are one beat with different positions"
        )
    return replace(one, window=replace(one.window, position=next(iter(known), None)))


def _stop(window: Window) -> int:
    return window.stop


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
    # The others begin no beat here, nor does a beat that begins here reach them.
    relevant = slice(
        bisect_right(windows, start, key=_stop), bisect_left(windows, stop + space.longest, key=_stop)
    )
    for window in windows[relevant]:
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
