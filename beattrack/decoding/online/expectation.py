"""What the posterior says about tempo, phase, position and the next beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.online.filter import ForwardFilter
from beattrack.decoding.online.results import NOTHING, OnlineState

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Intervals within 8 % of each other are one tempo: the model moves among them from beat to beat.
TEMPO_WIDTH = 0.08


def dominant_tempo(probabilities: Float64, intervals: Int64) -> tuple[float, Mask]:
    """Return the mean interval of the most probable tempo, and the intervals that belong to it.

    The mean over all intervals would lie between two octaves if both are probable.

    Args:
        probabilities: probability of each interval, shape (intervals,); they need not add up to 1.
        intervals: the intervals in frames, ascending.

    Returns:
        Mean interval in frames, and a mask of shape (intervals,).
    """
    first = np.searchsorted(intervals, intervals * (1 - TEMPO_WIDTH))
    last = np.searchsorted(intervals, intervals * (1 + TEMPO_WIDTH), side="right")
    sums = np.concatenate([[0.0], np.cumsum(probabilities)])
    best = int((sums[last] - sums[first]).argmax())
    near = np.zeros(len(intervals), dtype=bool)
    near[first[best] : last[best]] = True
    weights = np.where(near, probabilities, 0.0)
    return float(weights @ intervals / weights.sum()), near


def expectation(
    posterior: ForwardFilter, frame: int, fps: float, tolerance: int, *, bars: bool
) -> OnlineState:
    """Return what is expected after a frame.

    Args:
        posterior: the filter after the frame.
        frame: index of the frame.
        fps: frames per second.
        tolerance: phases within this many frames of the expected one confirm it.
        bars: whether bars are followed.
    """
    space = posterior.model.space
    if posterior.lost >= 0.5:
        return NOTHING
    states = posterior.by_age()  # (ages, intervals, places)
    by_interval = states.sum(axis=2)  # (ages, intervals)
    interval, near = dominant_tempo(by_interval.sum(axis=0), space.intervals)
    shares = np.arange(len(states))[:, None] / space.intervals[near]  # (ages, near intervals)
    angle = np.angle((by_interval[:, near] * np.exp(2j * np.pi * shares)).sum())
    phase = float(angle / (2 * np.pi) % 1.0)
    turns = np.rint(shares - phase)  # 1: still in the beat before, -1: already in the next one
    agree = np.abs(shares - phase - turns) * space.intervals[near] <= tolerance
    agreeing = np.where(agree[:, :, None], states[:, near], 0.0)
    metre, metre_confidence = _metre(states.sum(axis=(0, 1)), space)
    return OnlineState(
        bpm=60.0 * fps / interval,
        metre=metre if bars else None,
        position=_position(agreeing, turns, space, metre) if bars else None,
        phase=phase,
        next_beat=(frame + (1.0 - phase) * interval) / fps,
        confidence=min(float(agreeing.sum()), 1.0),
        metre_confidence=metre_confidence if bars else 0.0,
    )


def _metre(by_place: Float64, space: StateSpace) -> tuple[int, float]:
    """Return the most probable metre and its probability, given those of the places."""
    by_metre = [float(by_place[space.metre == metre].sum()) for metre in space.metres]
    best = int(np.argmax(by_metre))
    return space.metres[best], by_metre[best] / float(by_place.sum())


def _position(states: Float64, turns: Float64, space: StateSpace, metre: int) -> int:
    """Return the most probable position in the bar, given states that agree with the expected phase.

    Args:
        states: probabilities, shape (ages, intervals, places).
        turns: beats by which the states are behind the expected phase, shape (ages, intervals).
        space: the state space.
        metre: beats per bar.
    """
    by_place = np.stack([states[turns == turn].sum(axis=0) for turn in (-1, 0, 1)])  # (turns, places)
    # A state of an earlier beat counts for the place that follows, and the other way round.
    combined = by_place[1] + by_place[2][space.previous]
    combined[space.previous] += by_place[0]
    return int(space.number[np.where(space.metre == metre, combined, -1.0).argmax()]) + 1
