"""Find the best path exactly, without the beats that no good path can have.

With upper bounds of the scores of all paths through a beat (see `bound`), the search is exact:

1. Choose a threshold. In each part of the input, keep the intervals of all beats whose bound reaches it, and
   all between them. Every path whose score reaches the threshold then consists of beats that are kept.
2. Find the best path of these beats with `Viterbi`. If its score reaches the threshold, no other path is
   better: one that is would reach the threshold too, so it would be among those searched.
3. Otherwise its score is a threshold that at least this path reaches: continue with 1. If there is no path,
   lower the threshold.

The result is that of a search of all paths to the last bit, also on ties. V of a beat of the best path, or of
one that ties with it, is a maximum over beats of which the best is kept and has by induction the same V; V of
other beats is at most as high as before. The threshold is lowered by the rounding errors of the bounds, so
that they exclude none of these paths.
"""

from __future__ import annotations

import numpy as np

from beattrack.decoding.dbn.bound import Bounds, bounds, piece_bytes
from beattrack.decoding.dbn.observation import Observation
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.viterbi import MakeAdvance, Part, Viterbi

# For lengths in this range, in longest intervals, bounds pay: from 9 seconds to 6 minutes with the default
# settings. The difference between bounds and scores grows with the length, so that all beats of a long
# recording can reach the threshold.
_LEAST_INTERVALS, _MOST_INTERVALS = 8, 330
# Bounds of a piece that need more memory than this would need most of the time, too.
_MOST_PIECE_BYTES = 64 * 2**20

# Distance of the first threshold from the highest bound: most recordings reach it.
_FIRST_SLACK = 5.0
_MORE_SLACK = 10.0  # the factor of the next one if no path is found

# Time of a search, in that of one interval and frame: each frame, and each part.
_FRAME_COST = 8
_PART_COST = 4000

# If the parts need this share of the time of a search of all paths, that search is the best choice, because
# it needs no second one.
_MOST = 0.8


def search(space: StateSpace, observation: Observation, make_advance: MakeAdvance) -> Viterbi:
    """Return the decoder of a state space, with the best of all paths, in the fastest way.

    Args:
        space: the state space.
        observation: log-densities of at least one frame.
        make_advance: maker of the forward step.
    """
    find = search_bounded if bounds_pay(space, observation.frames) else Viterbi
    return find(space, observation, make_advance)


def bounds_pay(space: StateSpace, frames: int) -> bool:
    """Return whether bounds save more time than they cost, for most recordings of this length."""
    # Beats without bars have few states, so that the bounds would take as long as the search.
    suitable = _LEAST_INTERVALS * space.longest <= frames <= _MOST_INTERVALS * space.longest
    return suitable and space.places > 1 and piece_bytes(space) <= _MOST_PIECE_BYTES


def search_bounded(space: StateSpace, observation: Observation, make_advance: MakeAdvance) -> Viterbi:
    """Return the same decoder as `search`, always with bounds.

    Args:
        space: the state space.
        observation: log-densities of at least one frame.
        make_advance: maker of the forward step.
    """
    everything = Part(0, observation.frames, 0, len(space.intervals))
    bound = bounds(space, observation)
    slack = _FIRST_SLACK
    threshold = bound.best - slack
    while threshold > -np.inf:
        parts = plan(bound, threshold - 2 * bound.rounding, observation.frames)
        if sum(map(_cost, parts)) > _MOST * _cost(everything):
            break
        score = -np.inf
        if parts:
            viterbi = Viterbi(space, observation, make_advance, parts=parts)
            score = viterbi.score
            if score >= threshold:
                return viterbi
            del viterbi  # before the next one needs memory
        slack *= _MORE_SLACK
        threshold = score if score > -np.inf else bound.best - slack
    return Viterbi(space, observation, make_advance)


def plan(bound: Bounds, threshold: float, frames: int) -> list[Part]:
    """Return parts of the input with the intervals of all paths that reach a threshold.

    Args:
        bound: bounds of the scores.
        threshold: the score.
        frames: frames of the input.

    Returns:
        The parts, consecutive and each at least as long as the longest interval unless it is the only one;
        empty if no path reaches the threshold.
    """
    reached = bound.scores >= threshold  # (intervals, chunks)
    count, chunks = reached.shape
    low = np.where(reached.any(axis=0), reached.argmax(axis=0), count)
    high = np.where(reached.any(axis=0), count - reached[::-1].argmax(axis=0), 0)
    stops = (bound.first + bound.chunk * np.arange(1, chunks + 1)).tolist()
    # The first part has the beats that start before the input, and is at least as long as a chunk.
    opening = next(index for index, stop in enumerate(stops) if stop >= min(bound.chunk, frames))
    parts = [Part(0, stops[opening], int(low[: opening + 1].min()), int(high[: opening + 1].max()))]
    for index in range(opening + 1, chunks):
        # Beats of the chunk before may end in this one.
        both = slice(index - 1, index + 1)
        part = Part(stops[index - 1], stops[index], int(low[both].min()), int(high[both].max()))
        joined = _join(parts[-1], part)
        if _cost(joined) <= _cost(parts[-1]) + _cost(part):
            parts[-1] = joined
        else:
            parts.append(part)
    return parts if all(part.low < part.high for part in parts) else []


def _join(one: Part, other: Part) -> Part:
    return Part(one.start, other.stop, min(one.low, other.low), max(one.high, other.high))


def _cost(part: Part) -> float:
    return (part.high - part.low + _FRAME_COST) * (part.stop - part.start) + _PART_COST
