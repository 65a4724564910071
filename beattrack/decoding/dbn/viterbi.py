"""Find the most probable sequence of beats exactly, beat by beat instead of state by state.

Inside a beat the model moves one state per frame, so the starts of the beats determine a path. With the
log-density of "no beat" subtracted from every frame as a constant, the Viterbi recursion over all states is

    V[i, b, t] = E[i, b, t] + max over j of ( V[j, b - 1, t - L_j] + log P(L_j -> L_i) + L_j g_j )

where V[i, b, t] is the best score of a path on which beat b of the bar starts at frame t with interval L_i, E
the score of the beat's region and g_j the frame score of the tempo preferences. Before the first frame all
states are equally probable: V[i, b, t] = log(1 / states) + E + t g_i for -L_i <= t < 0. The best path
maximises V[i, b, t] + (T - t) g_i over the beats that the end of the input cuts off, T - L_i <= t < T.

If the metre may change, the first beat of a bar follows the best of the last beats of all metres, each with
the log-probability of that change added. Windows of anchors set V to -inf for the beats that they forbid, so
that it holds for the paths that have a beat in every window.

V at a frame depends only on frames that are at least the shortest interval earlier, so blocks of that length
are computed at once. The input may be divided into parts, in each of which only beats of some intervals may
begin (see `search`); V of all others counts as -inf. V is stored for one segment of the input at a time,
which is a few parts or a piece of one. For every segment its history is stored, the `longest` columns before
it, from which the segment is recomputed on the way back. Memory therefore grows at most with the square root
of the length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.observation import Observation, region_sums
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.windows import forbid, touched

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Fills V after its history from the region sums, from one frame to another: (values, sums, first, stop) ->
# None. `values` is (intervals, places, longest + frames), `sums` (classes, lengths, frames), and the frames
# `first` and `stop` are multiples of the shortest interval.
Advance = Callable[[Float64, Float64, int, int], None]
MakeAdvance = Callable[[StateSpace], Advance]

# A NumPy function of two arrays, its operands and its output.
Operation = tuple[np.ufunc, Float64, Float64, Float64]

# Size of V: 4.9 minutes of bars of 3 and 4 beats with 82 intervals at 100 frames per second. Longer inputs
# take up to twice the time per frame, because all but the last segment are computed twice.
SEGMENT_BYTES = 128 * 2**20


@dataclass(frozen=True, eq=False)
class Path:
    """A sequence of beats.

    Attributes:
        starts: first frame of each beat, shape (beats,); the first one is negative.
        places: indices into the places of the state space, shape (beats,).
        intervals: indices into the intervals of the state space, shape (beats,).
    """

    starts: Int64
    places: Int64
    intervals: Int64


@dataclass(frozen=True)
class Part:
    """Frames in which only beats of some intervals may begin.

    Attributes:
        start: first frame.
        stop: frame after the last.
        low: index of the first of the intervals.
        high: index after the last.
    """

    start: int
    stop: int
    low: int
    high: int


class Viterbi:
    """Decoder for one state space: the constructor scores all paths, `path` traces the best one back.

    Args:
        space: the state space.
        observation: log-densities of the frames.
        make_advance: maker of the forward step, such as `numpy_advance`.
        parts: consecutive parts of the input, each with the intervals of the beats that begin in it; None
            for all intervals throughout. Paths with other beats are ignored. A beat that begins in a part may
            only end in the same or the next one, which must have its interval.
        segment_bytes: size of V for one segment, in bytes; more if the input is so long that the histories
            would need more memory.

    Attributes:
        score: score of the best path; -inf if no path has a beat in every window.
        log_probability: log-probability of the best path.
    """

    def __init__(
        self,
        space: StateSpace,
        observation: Observation,
        make_advance: MakeAdvance,
        *,
        parts: Sequence[Part] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.space = space
        self._observation = observation
        self._make_advance = make_advance
        self._spaces: dict[tuple[int, int], tuple[StateSpace, Advance]] = {}
        if parts is None:
            parts = [Part(0, observation.frames, 0, len(space.intervals))]
        self._segments = _segments(space, parts, segment_bytes)
        self._buffer = np.empty(0)
        self._held: tuple[int, list[Float64]] = (-1, [])  # index of the segment in the buffer, and its V
        first = self._segments[0][0]
        history = self._first_history()[first.low : first.high, :, -self._narrowed(first)[0].longest :]
        self._histories = [np.ascontiguousarray(history)]
        values = self._segment_values(0)
        for index in range(1, len(self._segments)):
            last, part = self._segments[index - 1][-1], self._segments[index][0]
            self._histories.append(self._carried(values[-1], last, part))
            values = self._segment_values(index)
        self.score, self._end = self._best_end(values[-1], self._segments[-1][-1])
        self.log_probability = self.score + observation.base

    def path(self) -> Path:
        """Return the best path, if any is possible."""
        beat = self._end
        beats = [beat]
        for index in range(len(self._segments) - 1, -1, -1):
            if beat[0] < self._segments[index][0].start:
                continue
            values = self._segment_values(index)
            for part, found in zip(reversed(self._segments[index]), reversed(values), strict=True):
                while beat[0] >= part.start:
                    beat = self._previous_beat(found, part, *beat)
                    beats.append(beat)
        return Path(*np.array(beats[::-1], dtype=np.int64).T)

    def _narrowed(self, part: Part) -> tuple[StateSpace, Advance]:
        """Return the states and the forward step of the intervals of a part."""
        key = part.low, part.high
        if key not in self._spaces:
            space = self.space.between(*key)
            self._spaces[key] = space, self._make_advance(space)
        return self._spaces[key]

    def _first_history(self) -> Float64:
        """Return V before the first frame; only frames from 0 on contribute to the beat regions."""
        space = self.space
        frames = np.arange(-space.longest, 0)
        sums = self._region_sums(-space.longest, 0)
        history = space.log_initial[:, None] + sums[space.observation_class, space.region_lengths]
        history += space.frame_scores[:, None, None] * frames
        started = frames >= -space.intervals[:, None, None]
        history = np.where(started, history, -np.inf)
        forbid(history, space, self._observation.windows, -space.longest)
        return history  # (intervals, places, longest)

    def _carried(self, values: Float64, last: Part, part: Part) -> Float64:
        """Return the history of a part from V of the last one, (intervals, places, longest)."""
        space, _ = self._narrowed(part)
        history = np.full((part.high - part.low, space.places, space.longest), -np.inf)
        low, high = max(last.low, part.low), min(last.high, part.high)
        columns = min(space.longest, values.shape[2])
        if low < high:
            history[low - part.low : high - part.low, :, -columns:] = values[
                low - last.low : high - last.low, :, -columns:
            ]
        return history

    def _segment_values(self, index: int) -> list[Float64]:
        """Return V of each part of a segment after its history, in the buffer that all segments share."""
        if self._held[0] == index:
            return self._held[1]
        shapes = [_shape(self._narrowed(part)[0], part) for part in self._segments[index]]
        if self._buffer.size < sum(map(math.prod, shapes)):
            self._buffer = np.empty(sum(map(math.prod, shapes)))
        found: list[Float64] = []
        used, history = 0, self._histories[index]
        for number, (part, shape) in enumerate(zip(self._segments[index], shapes, strict=True)):
            if number > 0:
                history = self._carried(found[-1], self._segments[index][number - 1], part)
            values = self._buffer[used : used + math.prod(shape)].reshape(shape)
            used += math.prod(shape)
            longest = history.shape[2]
            values[:, :, :longest] = history
            self._fill(values, part)
            found.append(
                values[:, :, : longest + part.stop - part.start]
            )  # without the surplus of the blocks
        self._held = index, found
        return found

    def _fill(self, values: Float64, part: Part) -> None:
        """Fill V after its history; no beat is forbidden after V of a later block was computed from it."""
        space, advance = self._narrowed(part)
        windows, start = self._observation.windows, part.start
        stop = start + values.shape[2] - space.longest
        sums = self._region_sums(start, stop)
        first = start
        for frame in touched(windows, space.longest, start, stop, space.shortest):
            end = frame + space.shortest
            advance(values, sums, first - start, end - start)
            columns = slice(space.longest + frame - start, space.longest + end - start)
            forbid(values[:, :, columns], space, windows, frame)
            first = end
        advance(values, sums, first - start, stop - start)

    def _region_sums(self, start: int, stop: int) -> Float64:
        return region_sums(self._observation.scores, start, stop, int(self.space.region_lengths.max()))

    def _best_end(self, values: Float64, part: Part) -> tuple[float, tuple[int, int, int]]:
        """Return the score and the (start, place, interval) of the best last beat."""
        # On ties argmax takes the first place, the shortest interval and the latest start, as madmom does.
        space, _ = self._narrowed(part)
        ages = np.arange(1, space.longest + 1)  # frames from the beat's start to the end
        scores = values[:, :, : -space.longest - 1 : -1] + space.frame_scores[:, None, None] * ages
        scores = np.where(ages <= space.intervals[:, None, None], scores, -np.inf).transpose(1, 0, 2)
        place, interval, age = (int(i) for i in np.unravel_index(int(scores.argmax()), scores.shape))
        start = self._observation.frames - 1 - age
        return float(scores[place, interval, age]), (start, place, part.low + interval)

    def _previous_beat(
        self, values: Float64, part: Part, start: int, place: int, interval: int
    ) -> tuple[int, int, int]:
        """Return the previous beat of a beat; on ties, the one with the shortest interval."""
        intervals = self.space.intervals[part.low : part.high]
        columns = start - part.start + int(intervals[-1]) - intervals
        places = self.space.predecessors[place]
        arrivals = values[np.arange(len(intervals)), places[:, None], columns]  # (ways, intervals)
        if len(places) > 1:
            arrivals = arrivals + self.space.predecessor_scores[place][:, None]
        scores = arrivals + self.space.step_scores[interval, part.low : part.high]
        way, before = (int(i) for i in np.unravel_index(int(scores.argmax()), scores.shape))
        return start - int(intervals[before]), int(places[way]), part.low + before


def _shape(space: StateSpace, part: Part) -> tuple[int, int, int]:
    """Return the shape of V of a part: its history and whole blocks of the shortest interval."""
    blocks = -(-(part.stop - part.start) // space.shortest)
    return len(space.intervals), space.places, space.longest + blocks * space.shortest


def _segments(space: StateSpace, parts: Sequence[Part], segment_bytes: int) -> list[list[Part]]:
    """Return the parts in segments, whose V is stored together; long parts are cut."""
    # If segments were shorter than this, the histories would take more memory than the segment.
    least = math.isqrt(parts[-1].stop * space.longest)
    limit = max(segment_bytes // 8, least * len(space.intervals) * space.places)
    # From the end, so that the first segment is the short one, because the last is not computed twice.
    segments: list[list[Part]] = [[]]
    room = limit
    for part in reversed(parts):
        size = (part.high - part.low) * space.places  # of one column
        stop = part.stop
        while stop > part.start:
            blocks = room // (size * int(space.intervals[part.low]))
            if blocks == 0 and segments[-1]:
                segments.append([])
                room = limit
                continue
            start = max(stop - max(blocks, 1) * int(space.intervals[part.low]), part.start)
            segments[-1].append(replace(part, start=start, stop=stop))
            room -= (stop - start) * size
            stop = start
    return [segment[::-1] for segment in segments[::-1]]


def numpy_advance(space: StateSpace) -> Advance:
    """Return the forward step in NumPy."""
    block = space.shortest
    shape = (len(space.intervals), space.places, block)
    arrivals, best, regions = np.empty(shape), np.empty(shape), np.empty(shape)
    maximise = _step_maximum(space, arrivals.reshape(shape[0], -1), best.reshape(shape[0], -1))
    ways = space.predecessors.shape[1]
    scores = space.predecessor_scores.T[:, :, None]  # (ways, places, 1)
    other = np.empty(shape) if ways > 1 else arrivals

    def advance(values: Float64, sums: Float64, first: int, stop: int) -> None:
        arrival_indices = [_arrival_index(space, values.shape, way) for way in range(ways)]
        region_index = _region_index(space, sums.shape)
        flat_values, flat_sums = values.reshape(-1), sums.reshape(-1)
        for start in range(first, stop, block):
            # All indices are in range; "clip" only avoids a check and a copy.
            np.take(flat_values[start:], arrival_indices[0], out=arrivals, mode="clip")
            if ways > 1:
                np.add(arrivals, scores[0], out=arrivals)
            for way in range(1, ways):
                np.take(flat_values[start:], arrival_indices[way], out=other, mode="clip")
                np.add(other, scores[way], out=other)
                np.maximum(arrivals, other, out=arrivals)
            maximise()
            np.take(flat_sums[start:], region_index, out=regions, mode="clip")
            now = space.longest + start
            np.add(best, regions, out=values[:, :, now : now + block])

    return advance


def _arrival_index(space: StateSpace, values_shape: tuple[int, ...], way: int) -> Int64:
    """Return flat indices of V of the beat that ends, at its start, for the first block.

    Args:
        space: the state space.
        values_shape: shape of V.
        way: which of `StateSpace.predecessors` the beat is at.

    Returns:
        Indices of shape (intervals, places, block).
    """
    rows = np.arange(len(space.intervals))[:, None, None]
    began = space.longest - space.intervals[:, None, None] + np.arange(space.shortest)
    return (rows * values_shape[1] + space.predecessors[:, way, None]) * values_shape[2] + began


def _region_index(space: StateSpace, sums_shape: tuple[int, ...]) -> Int64:
    """Return flat indices of the region sum of the beat that begins, (intervals, places, block)."""
    rows = space.observation_class[:, None]
    frames = np.arange(space.shortest)
    return (rows * sums_shape[1] + space.region_lengths[:, :, None]) * sums_shape[2] + frames


def _step_maximum(space: StateSpace, arrivals: Float64, best: Float64) -> Callable[[], None]:
    """Return a function that sets best[i] to the maximum over j of arrivals[j] + step score from j to i."""
    # Scores fall by `slope` for each frame of change, so the arrivals are lowered interval by interval and
    # compared with the target that they have reached, all rows at once. Operands are whole rows, because
    # NumPy is twice as slow if a column is broadcast. The arrays are the same for every block, so the
    # operations are listed once.
    gaps = np.diff(space.intervals)
    lay_down = _even_operations if len(set(gaps.tolist())) <= 1 else _uneven_operations
    operations = lay_down(space, arrivals, best)

    def maximise() -> None:
        for function, left, right, out in operations:
            function(left, right, out=out)

    return maximise


def _even_operations(space: StateSpace, arrivals: Float64, best: Float64) -> list[Operation]:
    """Return the operations for evenly spaced intervals, in which all steps of a row cost the same."""
    lowered = np.empty_like(best)
    bonus = _repeat(space.step_bonus, best.shape[1])
    operations: list[Operation] = [(np.add, arrivals, bonus, lowered), (np.add, arrivals, bonus, best)]
    gap = int(space.intervals[1] - space.intervals[0]) if len(space.intervals) > 1 else 0
    cost = _repeat(space.slope * gap, best.shape[1])
    for distance in range(1, len(space.intervals)):
        sources = [_sources(space, distance), _sources(space, -distance)]
        lowest = min((rows.start for rows in sources if rows.start < rows.stop), default=None)
        if lowest is None:
            break
        operations.append((np.subtract, lowered[lowest:], cost[lowest:], lowered[lowest:]))
        for rows, offset in zip(sources, (distance, -distance), strict=True):
            target = best[rows.start + offset : rows.stop + offset]
            operations.append((np.maximum, target, lowered[rows], target))
    return operations


def _uneven_operations(space: StateSpace, arrivals: Float64, best: Float64) -> list[Operation]:
    """Return the operations for intervals of any spacing, in which each step has its own cost."""
    lowered = np.empty_like(best)
    bonus = _repeat(space.step_bonus, best.shape[1])
    operations: list[Operation] = [(np.add, arrivals, bonus, best)]
    for direction in (1, -1):
        operations.append((np.add, arrivals, bonus, lowered))
        for distance in range(1, len(space.intervals)):
            offset = direction * distance
            rows = _sources(space, offset)
            if rows.start >= rows.stop:
                break
            cost = _repeat(_last_step_costs(space, rows, offset), best.shape[1])
            target = best[rows.start + offset : rows.stop + offset]
            operations.append((np.subtract, lowered[rows], cost, lowered[rows]))
            operations.append((np.maximum, target, lowered[rows], target))
    return operations


def _sources(space: StateSpace, offset: int) -> slice:
    """Return the range of intervals that may be followed by the one `offset` further."""
    index = np.arange(len(space.intervals))
    reached = np.flatnonzero((index + offset < space.last) & (index + offset >= space.first))
    return slice(int(reached[0]), int(reached[-1]) + 1) if len(reached) else slice(0, 0)


def _last_step_costs(space: StateSpace, rows: slice, offset: int) -> Float64:
    """Return the cost of the last interval on the way to each target; infinity if the step is impossible."""
    index = np.arange(rows.start, rows.stop)
    targets = index + offset
    frames = np.abs(space.intervals[targets] - space.intervals[targets - np.sign(offset)])
    possible = (targets >= space.first[index]) & (targets < space.last[index])
    return np.where(possible, space.slope[index] * frames, np.inf)


def _repeat(column: Float64, columns: int) -> Float64:
    return np.repeat(column[:, None], columns, axis=1)
