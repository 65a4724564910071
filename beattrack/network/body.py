"""Run the body of a network and its heads on the features of a recording of any length.

The dilations of the deep blocks of a TCN are multiples of `PHASES`, so these blocks relate a frame only to
those a multiple of `PHASES` frames away: the frames fall into `PHASES` phases. The deep blocks run on each
phase as if it were a recording of its own, with dilations divided by `PHASES`. The shallow blocks before
them run on parts of the recording that include the few frames around them that these blocks read. Both give
what they would give for the whole recording, in less memory and on several threads.

Bodies without such blocks run on the whole recording, or on overlapping blocks of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beattrack.network.tcn_settings import PHASES
from beattrack.runtime.lanes import in_lanes

Float = NDArray[np.float32]
Reach = tuple[int, int]  # frames before and after a frame that are read for it

PART_FRAMES = 4096  # their feature maps take 10 MB; those of a phase that is longer take more
DEEP_FRAMES = 2**17  # of the phases that run side by side, at most, unless one is longer
LEAST_PART = 1024  # shorter parts are not worth a thread
BLOCK_FRAMES = 2**16  # of a body that runs at once; 11 minutes at 100 fps


class Phased(Protocol):
    """A body that runs in phases; any number of threads may call it at once.

    Attributes:
        reach: reach of the shallow blocks.
    """

    reach: Reach

    def shallow(self, features: Float) -> tuple[Float, Float | None]:
        """Run the shallow blocks: (1, channels, frames) to the stream and the sum of the skip outputs.

        There are skip outputs if there is a tempo head.
        """

    def deep(self, stream: Float) -> tuple[Float, Float, Float | None]:
        """Run deep blocks and heads: (phases, channels, frames) to beats, downbeats and skip outputs."""

    def finish(self, skips: Float | None) -> Float | None:
        """Release memory, and run the tempo head, if there is one: (channels,) to (bins,).

        Args:
            skips: mean of the skip outputs; None if there are none.
        """


class Body(Protocol):
    """A body that runs at once, or in phases."""

    @property
    def phased(self) -> Phased | None:
        """The body in phases; None if it runs at once."""

    def probabilities(self, features: Float) -> list[Float]:
        """Run body and heads: (1, channels, frames) to beats, downbeats (1, frames) and tempo (1, bins)."""


def run_body(
    body: Body, features: Float, reach: Reach | None, threads: int
) -> tuple[Float, Float, Float | None]:
    """Compute the probabilities of beats and downbeats, (frames,), and tempo, (bins,), if there is a head.

    Args:
        body: runs the network.
        features: shape (1, channels, frames).
        reach: reach of the body; None if there is no limit.
        threads: number of threads.
    """
    if body.phased is None:
        return _in_blocks(body, features, reach)
    return run_phased(body.phased, features, threads)


def run_phased(body: Phased, features: Float, threads: int) -> tuple[Float, Float, Float | None]:
    """Run a body in phases; see `run_body` for what is returned."""
    _, channels, frames = features.shape
    columns = -(-frames // PHASES)
    stream = np.empty((PHASES, channels, columns), np.float32)
    events = np.empty((2, columns, PHASES), np.float32)  # beats and downbeats
    sums: dict[object, NDArray[np.float64]] = {}  # of skip outputs, by part

    def shallow(part: tuple[int, int]) -> None:
        (start, stop), (before, after) = part, body.reach
        first, last = max(start - before, 0), min(stop + after, frames)
        out, skips = body.shallow(np.ascontiguousarray(features[:, :, first:last]))
        _store(stream, out[0, :, start - first : stop - first], start // PHASES)
        if skips is not None:
            sums[part] = skips[0, :, start - first : stop - first].sum(axis=1, dtype=np.float64)

    def deep(part: tuple[int, int, int]) -> None:
        first, last, length = part
        beats, downbeats, skips = body.deep(np.ascontiguousarray(stream[first:last, :, :length]))
        events[0, :length, first:last], events[1, :length, first:last] = beats.T, downbeats.T
        if skips is not None:
            sums[part] = skips.sum(axis=2, dtype=np.float64).sum(axis=0)

    shallow_parts, deep_parts = parts(frames, threads), list(phase_parts(frames, threads))
    in_lanes(shallow, shallow_parts, threads=min(threads, len(shallow_parts)))
    side_by_side = max(DEEP_FRAMES // max(columns, 1), 1)
    in_lanes(deep, deep_parts, threads=min(threads, len(deep_parts), side_by_side))
    beats, downbeats = events.reshape(2, -1)[:, :frames]
    if not sums:
        return beats, downbeats, body.finish(None)
    total = np.sum([sums[part] for part in (*shallow_parts, *deep_parts)], axis=0)  # whichever ended first
    return beats, downbeats, body.finish((total / frames).astype(np.float32))


def _store(stream: Float, frames: Float, column: int) -> None:
    """Store frames by phase, from a column on.

    Args:
        stream: shape (phases, channels, columns).
        frames: shape (channels, frames), the first of phase 0.
        column: column of the first frame.
    """
    whole, rest = divmod(frames.shape[1], PHASES)
    by_phase = frames[:, : whole * PHASES].reshape(len(frames), whole, PHASES)
    stream[:, :, column : column + whole] = by_phase.transpose(2, 0, 1)
    if rest:
        stream[:rest, :, column + whole] = frames[:, whole * PHASES :].T


def parts(frames: int, threads: int) -> list[tuple[int, int]]:
    """Divide frames into parts for the shallow blocks, each from a frame of phase 0 on.

    Args:
        frames: number of frames.
        threads: number of threads; each gets the same number of parts, unless they would be too short.

    Returns:
        First frame of each part, and the one after its last.
    """
    count = _count(frames, threads)
    edges = [min(-(-frames * number // count // PHASES) * PHASES, frames) for number in range(count + 1)]
    return [(start, stop) for start, stop in itertools.pairwise(edges) if start < stop]


def phase_parts(frames: int, threads: int) -> Iterator[tuple[int, int, int]]:
    """Divide the phases into parts for the deep blocks; phases of a part have the same number of frames.

    Args:
        frames: number of frames.
        threads: number of threads.

    Yields:
        First phase of a part, the one after its last, and their number of frames.
    """
    length, longer = divmod(frames, PHASES)
    for first, last, own in ((0, longer, length + 1), (longer, PHASES, length)):
        if own and first < last:
            count = min(_count((last - first) * own, threads), last - first)
            edges = [first + (last - first) * number // count for number in range(count + 1)]
            yield from ((start, stop, own) for start, stop in itertools.pairwise(edges))


def _count(frames: int, threads: int) -> int:
    """Return the number of parts into which to divide frames."""
    count = -(-frames // PART_FRAMES)
    return max(min(-(-count // threads) * threads, frames // LEAST_PART), count, 1)


def _in_blocks(body: Body, features: Float, reach: Reach | None) -> tuple[Float, Float, Float | None]:
    """Run a body at once, in blocks that include its reach; the tempo is the mean of those of the blocks."""
    frames = features.shape[2]
    size = max(frames, 1) if reach is None else BLOCK_FRAMES
    before, after = reach or (0, 0)
    beats, downbeats = np.empty(frames, np.float32), np.empty(frames, np.float32)
    tempi: list[Float] = []
    for start in range(0, frames, size):
        stop = min(start + size, frames)
        first, last = max(start - before, 0), min(stop + after, frames)
        outputs = body.probabilities(np.ascontiguousarray(features[:, :, first:last]))
        for whole, block in zip((beats, downbeats), outputs, strict=False):
            whole[start:stop] = block[0, start - first : stop - first]
        tempi += [(stop - start) * output[0] for output in outputs[2:]]
    return beats, downbeats, np.sum(tempi, axis=0, dtype=np.float32) / frames if tempi else None
