"""Bound the scores of all paths through a beat, in a simpler model in which no path scores less.

The simpler model differs from that of `viterbi` in four ways, each of which can only raise scores:

1. Bars are ignored. The score of a beat's region is the highest of all places of the bar, and a change of
   metre costs nothing.
2. The cost of a change of interval is the sum of the costs of steps by 1, 2, 4, 8, ... intervals, each of
   which is the lowest for any interval from which the step may be a part of the change (`_Changes`). A change
   by one interval costs as much as in the model, and others little less.
3. The input is cut into pieces. A path may continue in the next piece at another place of the beat and with
   another interval, as if each piece were an input of its own.
4. Anchors need only have a beat, at whichever position.

With S[i, t] the best score of a path of one piece up to and including the region of a beat of interval i that
starts at frame t, and D[i, u] the best of the rest if a beat of interval i ends at u, no path with this beat
scores more than S[i, t] + D[i, t + L_i] plus the best scores of all other pieces. The pieces are computed
together, as columns of one array, because NumPy's time per call exceeds its time for the few frames that are
independent of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.observation import Observation, region_sums
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.windows import forbid

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Shorter pieces raise the bounds, longer ones leave fewer to compute together; these numbers were fastest for
# recordings of 20 seconds to an hour. Lengths are in longest intervals.
_PIECE_INTERVALS, _LEAST_INTERVALS = 20, 8
_FEW_PIECES = 3  # for which pieces may have the least length
_PIECES_AT_ONCE = 8  # more would exceed the processor's cache
_BYTES_AT_ONCE = 32 * 2**20


@dataclass(frozen=True, eq=False)
class Bounds:
    """Upper bounds of the scores of paths, by the interval and the time of a beat.

    Attributes:
        scores: no path with a beat of the interval that starts in the chunk scores more, shape (intervals,
            chunks).
        first: first frame of the first chunk; negative.
        chunk: frames of a chunk, at least the longest interval; the last one ends with the input.
        best: no path scores more.
        rounding: the most by which rounding may have lowered a bound.
    """

    scores: Float64
    first: int
    chunk: int
    best: float
    rounding: float


def bounds(space: StateSpace, observation: Observation) -> Bounds:
    """Compute upper bounds of the scores of all paths.

    Args:
        space: the state space.
        observation: log-densities of at least one frame.
    """
    blocks = -(-space.longest // space.shortest)  # of a chunk
    chunk = blocks * space.shortest
    chunks = -(-observation.frames // chunk)
    longest = observation.frames // space.longest
    pieces = max(longest // _PIECE_INTERVALS, min(longest // _LEAST_INTERVALS, _FEW_PIECES), 1)
    length = -(-chunks // pieces)  # chunks of a piece
    pieces = -(-chunks // length)
    at_once = min(_PIECES_AT_ONCE, max(_BYTES_AT_ONCE // piece_bytes(space), 1))
    last = observation.frames  # the pieces are counted from the end; only the first may be shorter
    starts = [last - length * chunk * (pieces - number) for number in range(pieces)]
    model = _Pieces(space, observation, length, blocks)
    found = []
    for first in range(0, pieces, at_once):
        found.append(model.highest(starts[first : first + at_once]))
    scores = np.concatenate(found, axis=1)  # (intervals, pieces, 1 + chunks)
    highest = scores.max(axis=(0, 2))  # (pieces,)
    best = float(highest.sum() + space.log_initial.max())
    scores += (best - highest)[:, None] if best > -np.inf else -np.inf
    # The first chunk of each piece has the beats that start before it; those of other pieces are known from
    # the piece that they start in.
    joined = np.concatenate([scores[:, 0, :1], scores[:, :, 1:].reshape(len(scores), -1)], axis=1)
    return Bounds(joined, starts[0] - chunk, chunk, best, _rounding(space, observation))


def piece_bytes(space: StateSpace) -> int:
    """Return the memory for the bounds of one piece, in bytes."""
    return 8 * len(space.intervals) * (_PIECE_INTERVALS + 2) * space.longest


def _rounding(space: StateSpace, observation: Observation) -> float:
    """Return the most by which all sums of the score of a path can be wrong, because of rounding."""
    beats = observation.frames / space.shortest + 2
    sums = beats * (8 + 4 * len(space.intervals).bit_length() + int(space.region_lengths.max()))
    largest = float(np.abs(observation.scores).max(axis=0).sum())
    largest += beats * float(np.abs(space.step_bonus).max() + space.slope.max() * space.longest)
    largest += observation.frames * float(np.abs(space.frame_scores).max()) - float(space.log_initial.min())
    return 4 * float(np.finfo(np.float64).eps) * sums * largest


class _Changes:
    """Changes of interval as a series of steps by 1, 2, 4, ... intervals, up or down.

    The cost of a step from one interval is the lowest for all intervals from which earlier steps lead there,
    so the costs of all steps of a change add up to the cost of the change, or less. Up, slopes fall from
    interval to interval, so the lowest is that of the interval itself and the costs of a step by several
    intervals are the sum of those by one: they are subtracted as differences of `level`.
    """

    def __init__(self, space: StateSpace, columns: int) -> None:
        count = len(space.intervals)
        index = np.arange(count)
        farthest = int(max((space.last - 1 - index).max(), (index - space.first).max()))
        self.steps = [2**power for power in range(farthest.bit_length())]
        gaps = np.diff(space.intervals)
        lowest = np.minimum.accumulate(space.slope)
        level = np.concatenate([[0.0], np.cumsum(lowest[:-1] * gaps)])
        self._level = _repeat(level, columns)
        self._raised = _repeat(space.step_bonus + level, columns)
        costs = []
        for step in self.steps:
            farther = np.minimum(np.arange(step, count) + step - 1, count - 1)
            frames = space.intervals[step:] - space.intervals[:-step]
            costs.append(_repeat(lowest[farther] * frames, columns))
        self._costs = costs
        # Rows of -inf on either side, so that whole arrays can be compared at a distance. The output of an
        # operation is never one of its operands at another row, because NumPy would copy the operand first.
        margin = self.steps[-1] if self.steps else 0
        self._rows = slice(margin, margin + count)
        self._buffers = np.full((2, margin + count + margin, columns), -np.inf)

    def forward(self, arrivals: Float64) -> None:
        """Set [i] to the maximum over j of [j] + bonus of j - cost from j to i, (intervals, columns)."""
        raised, other = self._buffers
        np.add(arrivals, self._raised, out=raised[self._rows])
        for step in self.steps:
            np.maximum(raised[self._rows], self._shifted(raised, -step), out=other[self._rows])
            raised, other = other, raised
        np.subtract(raised[self._rows], self._level, out=arrivals)
        lowered = other[self._rows]
        for step, cost in zip(self.steps, self._costs, strict=True):
            np.subtract(arrivals[step:], cost, out=lowered[step:])
            np.maximum(arrivals[:-step], lowered[step:], out=arrivals[:-step])

    def backward(self, rest: Float64, out: Float64) -> None:
        """Set [j] of `out` to the maximum over i of [i] + bonus of j - cost from j to i; change `rest`."""
        lowered, other = self._buffers
        for step, cost in zip(reversed(self.steps), reversed(self._costs), strict=True):
            target = other[self._rows][step:]
            np.subtract(rest[:-step], cost, out=target)
            np.maximum(rest[step:], target, out=rest[step:])
        np.subtract(rest, self._level, out=lowered[self._rows])
        for step in reversed(self.steps):
            np.maximum(lowered[self._rows], self._shifted(lowered, step), out=other[self._rows])
            lowered, other = other, lowered
        np.add(lowered[self._rows], self._raised, out=out)

    def _shifted(self, buffer: Float64, distance: int) -> Float64:
        return buffer[self._rows.start + distance : self._rows.stop + distance]


class _Pieces:
    """The recursions of several pieces of equal length.

    Arrays are stored by blocks of the shortest interval, which are computed at once. In each piece, the
    blocks of one chunk precede its first frame, for the beats that start before it.

    Args:
        space: the state space.
        observation: log-densities of the frames.
        chunks: number of chunks in a piece.
        chunk: blocks of a chunk.
    """

    def __init__(self, space: StateSpace, observation: Observation, chunks: int, chunk: int) -> None:
        self._space, self._observation = space, observation
        self._windows = [replace(window, position=None) for window in observation.windows]
        self._chunk, self._chunks = chunk, chunks
        self._blocks = chunk * (1 + chunks)  # with those before the piece
        self._profiles, self._profile = _region_profiles(space)

    def highest(self, starts: Sequence[int]) -> Float64:
        """Return the highest bound of each chunk of pieces that start at these frames.

        Only the first piece may start before the input.

        Returns:
            Bounds of paths of each piece alone, shape (intervals, pieces, 1 + chunks); the first chunk has
            the beats that start before the piece.
        """
        shape = (len(self._space.intervals), len(starts), self._space.shortest)
        changes = _Changes(self._space, len(starts) * self._space.shortest)
        regions, forbidden = self._regions(starts), self._forbidden(starts)
        # First S, which D replaces from the end; the last chunk is D of beats that end after the piece.
        values = np.empty((self._blocks + self._chunk, *shape))
        self._forward(values, regions, forbidden, changes, min(starts[0], 0))
        return self._backward(values, regions, forbidden, changes)

    def _forward(
        self, values: Float64, regions: Float64, forbidden: Float64 | None, changes: _Changes, start: int
    ) -> None:
        """Compute S of all blocks.

        Args:
            values: array for S.
            regions: scores of the regions, (blocks, profiles, pieces, block).
            forbidden: -inf for beats that are forbidden, (blocks, intervals, pieces, block).
            changes: changes of interval.
            start: first frame of the first piece if it starts before the input, else 0.
        """
        count, pieces, block = values.shape[1:]
        self._open(values, regions, forbidden, start)
        now, score = np.empty((2, count, pieces, block))
        began = self._index(pieces, -self._space.intervals)
        for number in range(self._chunk, self._blocks):
            # All indices are in range; "clip" only avoids a check and a copy.
            np.take(values[number - self._chunk :].reshape(-1), began, out=now, mode="clip")
            changes.forward(now.reshape(count, -1))
            np.take(regions[number], self._profile, axis=0, out=score, mode="clip")
            early = min(-start - (number - self._chunk) * block, block)  # columns before the input
            if early > 0:
                now[:, 0, :early], score[:, 0, :early] = values[number, :, 0, :early], 0.0
            np.add(now, score, out=values[number])
            if forbidden is not None:
                values[number] += forbidden[number]

    def _backward(
        self, values: Float64, regions: Float64, forbidden: Float64 | None, changes: _Changes
    ) -> Float64:
        """Replace S by D, and return the highest S + D of each chunk, (intervals, pieces, 1 + chunks)."""
        count, pieces, block = values.shape[1:]
        self._close(values)
        rest, score = np.empty((2, count, pieces, block))
        ends = self._index(pieces, self._space.intervals)
        found = np.empty((count, pieces, 1 + self._chunks))
        for chunk in reversed(range(1 + self._chunks)):
            highest = np.full_like(rest, -np.inf)
            for number in reversed(range(chunk * self._chunk, (chunk + 1) * self._chunk)):
                np.take(values[number:].reshape(-1), ends, out=rest, mode="clip")
                np.add(values[number], rest, out=score)
                np.maximum(highest, score, out=highest)
                if chunk == 0:  # D is only needed in the piece
                    continue
                np.take(regions[number], self._profile, axis=0, out=score, mode="clip")
                rest += score
                if forbidden is not None:
                    rest += forbidden[number]
                changes.backward(rest.reshape(count, -1), values[number].reshape(count, -1))
            highest.max(axis=2, out=found[:, :, chunk])
        return found

    def _index(self, pieces: int, distances: Int64) -> Int64:
        """Return flat indices of the values at a distance from each frame of a block, for each interval.

        Distances into the future count from the block itself, others from the block one chunk earlier. The
        shape is (intervals, pieces, block).
        """
        space = self._space
        rows = np.arange(len(distances) * pieces).reshape(-1, pieces, 1)
        frames = distances[:, None, None] + np.arange(space.shortest)
        frames += self._chunk * space.shortest * (distances[0] < 0)
        blocks, columns = np.divmod(frames, space.shortest)
        index: Int64 = (blocks * rows.size + rows) * space.shortest + columns
        return index

    def _regions(self, starts: Sequence[int]) -> Float64:
        """Return the highest score of the region of a beat that starts at each frame, by profile."""
        scores, longest = self._observation.scores, int(self._space.region_lengths.max())
        block, frames = self._space.shortest, self._blocks * self._space.shortest
        before = self._chunk * block
        regions = np.empty((self._blocks, len(self._profiles), len(starts), block))
        for piece, start in enumerate(starts):
            inside = scores[:, max(start, 0) : start + frames - before]
            first = min(start, 0) - before
            sums = region_sums(inside, first, first + frames, longest)
            for number, profile in enumerate(self._profiles):
                row = np.maximum.reduce([sums[pair] for pair in profile])
                regions[:, number, piece] = row.reshape(self._blocks, block)
        return regions  # (blocks, profiles, pieces, block)

    def _forbidden(self, starts: Sequence[int]) -> Float64 | None:
        """Return -inf for beats that pass over a window, else 0; None without windows."""
        if not self._windows:
            return None
        count, block = len(self._space.intervals), self._space.shortest
        forbidden = np.empty((self._blocks, count, len(starts), block))
        for piece, start in enumerate(starts):
            scores = np.zeros((count, 1, self._blocks * block))
            forbid(scores, self._space, self._windows, start - self._chunk * block)
            forbidden[:, :, piece] = _blocks(scores[:, 0], block)
        return forbidden  # (blocks, intervals, pieces, block)

    def _open(self, values: Float64, regions: Float64, forbidden: Float64 | None, start: int) -> None:
        """Set S of the beats that the start of each piece cuts off; the first piece begins at `start`."""
        space, block = self._space, self._space.shortest
        blocks = self._chunk - start // block  # a part of the last one may be inside the piece
        for piece in range(values.shape[2]):
            first = self._chunk * block - (start if piece == 0 else 0)
            age = np.arange(blocks * block) - first  # frame relative to the first of the input
            cut_off = (age >= -space.intervals[:, None]) & (age < 0)
            opening = np.where(cut_off, space.frame_scores[:, None] * age, -np.inf)
            values[:blocks, :, piece] = _blocks(opening, block)
        values[:blocks] += regions[:blocks, self._profile]
        if forbidden is not None:
            values[:blocks] += forbidden[:blocks]

    def _close(self, values: Float64) -> None:
        """Set D of the beats that end after the end of each piece, which cuts them off."""
        space = self._space
        inside = space.intervals[:, None] - np.arange(self._chunk * space.shortest)  # frames in the piece
        closing = np.where(inside > 0, space.frame_scores[:, None] * inside, -np.inf)
        values[self._blocks :] = _blocks(closing, space.shortest)[:, :, None]


def _blocks(rows: Float64, block: int) -> Float64:
    """Return rows of frames by blocks, (blocks, rows, block)."""
    blocks: Float64 = rows.reshape(len(rows), -1, block).transpose(1, 0, 2)
    return blocks


def _repeat(column: Float64, columns: int) -> Float64:
    return np.repeat(column[:, None], columns, axis=1)


def _region_profiles(space: StateSpace) -> tuple[list[list[tuple[int, int]]], Int64]:
    """Return the different sets of pairs of a class and a length, and the index of that of each interval."""
    classes = space.observation_class.tolist()
    sets = [
        tuple(sorted(set(zip(classes, lengths, strict=True)))) for lengths in space.region_lengths.tolist()
    ]
    profiles = list(dict.fromkeys(sets))
    return [list(profile) for profile in profiles], np.array([profiles.index(one) for one in sets])
