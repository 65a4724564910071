"""The forward step of `viterbi`, compiled with numba; importing this module takes most of a second."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.viterbi import Advance

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def _step_maximum(
    arrivals: Float64, intervals: Int64, slope: Float64, first: Int64, last: Int64
) -> Float64:  # (intervals, block)
    """Return the maximum over the previous intervals, computed as in `viterbi._step_maximum`."""
    # The innermost loop is written twice and the work arrays are made here: this shows the compiler that
    # they do not overlap, which halves the time.
    block = arrivals.shape[1]
    best: Float64 = arrivals.copy()
    lowered = np.empty(block)
    for source in range(len(intervals)):
        lowered[:] = arrivals[source]
        for target in range(source + 1, last[source]):
            cost = slope[source] * (intervals[target] - intervals[target - 1])
            row = best[target]
            for frame in range(block):
                value = lowered[frame] - cost
                lowered[frame] = value
                row[frame] = value if value > row[frame] else row[frame]
        lowered[:] = arrivals[source]
        for target in range(source - 1, first[source] - 1, -1):
            cost = slope[source] * (intervals[target + 1] - intervals[target])
            row = best[target]
            for frame in range(block):
                value = lowered[frame] - cost
                lowered[frame] = value
                row[frame] = value if value > row[frame] else row[frame]
    return best


# No fast-math, so that sums are rounded as in NumPy and both engines give identical results.
_compile = numba.njit(cache=True, nogil=True)
_compiled_step_maximum = _compile(_step_maximum)


def _advance_blocks(
    values: Float64,
    sums: Float64,
    intervals: Int64,
    region_lengths: Int64,
    predecessors: Int64,
    predecessor_scores: Float64,
    observation_class: Int64,
    bonus: Float64,
    slope: Float64,
    first: Int64,
    last: Int64,
    first_frame: int,
    stop_frame: int,
) -> None:
    longest, block = intervals[-1], intervals[0]
    arrivals = np.empty((len(intervals), block))
    places, ways = predecessors.shape
    for start in range(first_frame, stop_frame, block):
        now = longest + start
        for place in range(places):
            for i in range(len(intervals)):
                then = now - intervals[i]
                began = values[i, predecessors[place, 0], then : then + block]
                score = predecessor_scores[place, 0]
                for frame in range(block):
                    arrivals[i, frame] = began[frame] + score
                for way in range(1, ways):
                    began = values[i, predecessors[place, way], then : then + block]
                    score = predecessor_scores[place, way]
                    for frame in range(block):
                        value = began[frame] + score
                        arrivals[i, frame] = value if value > arrivals[i, frame] else arrivals[i, frame]
                for frame in range(block):
                    arrivals[i, frame] += bonus[i]
            best = _compiled_step_maximum(arrivals, intervals, slope, first, last)
            for i in range(len(intervals)):
                regions = sums[observation_class[place], region_lengths[i, place], start : start + block]
                begins = values[i, place, now : now + block]
                for frame in range(block):
                    begins[frame] = best[i, frame] + regions[frame]


_compiled_advance_blocks = _compile(_advance_blocks)


def numba_advance(space: StateSpace) -> Advance:
    """Return the compiled forward step."""
    constants = (
        space.intervals,
        space.region_lengths,
        space.predecessors,
        space.predecessor_scores,
        space.observation_class,
        space.step_bonus,
        space.slope,
        space.first,
        space.last,
    )

    def advance(values: Float64, sums: Float64, first: int, stop: int) -> None:
        _compiled_advance_blocks(values, sums, *constants, first, stop)

    return advance
