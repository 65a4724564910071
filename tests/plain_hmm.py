"""The model of the decoder as a plain hidden Markov model, with which exact algorithms are compared.

Written out from the model's description, without regard to speed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.observation import Window
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.viterbi import Path

Float64 = NDArray[np.float64]

State = tuple[int, int, int, int]  # beats of the bar, beat of the bar, interval in frames, frame of the beat


@dataclass
class Hmm:
    """One state for each metre, beat of the bar, interval and frame of the beat."""

    states: list[State]
    initial: Float64  # (states,), of the frame before the first
    transitions: Float64  # (from, to)
    densities: Float64  # (frames, states)


def hmm(
    metres: Sequence[int], classes: Float64, options: DBNSettings, intervals: list[int], fps: float
) -> Hmm:
    """The model of all `metres` together, between which `options.metre_change` allows changes."""
    states = [(m, b, n, k) for m in metres for b in range(m) for n in intervals for k in range(n)]
    index = {state: number for number, state in enumerate(states)}
    transitions = np.full((len(states), len(states)), -np.inf)
    for row, (m, b, n, k) in enumerate(states):
        if k < n - 1:
            transitions[row, index[m, b, n, k + 1]] = 0.0
            continue
        weights = np.array([np.exp(-options.transition_lambda * abs(to / n - 1.0)) for to in intervals])
        weights[weights <= np.spacing(1)] = 0
        for to, weight in zip(intervals, weights / weights.sum(), strict=True):
            for metre, beat, probability in _next_beats(m, b, metres, options.metre_change):
                if weight * probability > 0:
                    transitions[row, index[metre, beat, to, 0]] = np.log(weight) + np.log(probability)
    sizes = {m: m * sum(intervals) for m in metres}
    initial = -np.log([sizes[m] for m, *_ in states])
    densities = np.array([[_density(state, frame, options, fps) for state in states] for frame in classes.T])
    return Hmm(states, initial, transitions, densities)


def _next_beats(
    metre: int, beat: int, metres: Sequence[int], change: float | None
) -> list[tuple[int, int, float]]:
    if beat < metre - 1:
        return [(metre, beat + 1, 1.0)]
    others = [m for m in metres if m != metre]
    if change is None or not others:
        return [(metre, 0, 1.0)]
    return [(metre, 0, 1 - change), *((m, 0, change / len(others)) for m in others)]


def _density(state: State, frame: Float64, options: DBNSettings, fps: float) -> float:
    _, beat, interval, step = state
    # As the model does: the position of the state within the bar, rounded to double precision.
    in_region = (step * (1.0 / interval) + beat) % 1 < 1 / options.observation_lambda
    if in_region:
        density = np.log(frame[0 if beat == 0 else 1])
    else:
        density = np.log((1 - frame.sum()) / (options.observation_lambda - 1))
    if options.tempo_prior is not None:
        prior = options.tempo_prior
        octaves_off = np.log2(60 * fps / interval / prior.bpm)
        beats_a_frame = prior.bpm / (60 * fps)
        density -= prior.strength * beats_a_frame * (octaves_off / prior.octaves) ** 2 / 2
    return float(density)


def best_log_probability(model: Hmm, windows: Sequence[Window] = ()) -> float:
    """Of all paths that have a beat in every window; -inf if there is none.

    Every state is doubled: a path is in the second copy if a beat has begun in the current window. At the end
    of a window, paths in the first copy end.
    """
    waiting, met = model.initial, np.full(len(model.states), -np.inf)
    for frame, densities in enumerate(model.densities):
        waiting = (waiting[:, None] + model.transitions).max(axis=0) + densities
        met = (met[:, None] + model.transitions).max(axis=0) + densities
        for window in windows:
            if frame == window.start:
                waiting, met = np.maximum(waiting, met), np.full(len(met), -np.inf)
            if window.start <= frame < window.stop:
                meets = np.array([_meets(state, window) for state in model.states])
                met = np.where(meets, np.maximum(met, waiting), met)
            if frame == window.stop - 1:
                waiting, met = met, np.full(len(met), -np.inf)
    return float(np.maximum(waiting, met).max())


def _meets(state: State, window: Window) -> bool:
    _, beat, _, step = state
    return step == 0 and window.position in (None, beat + 1)


def enumerated_log_probability(model: Hmm, windows: Sequence[Window] = ()) -> float:
    """The same from a list of all paths, for a few states and frames."""
    best = -np.inf
    follow = [np.flatnonzero(row > -np.inf).tolist() for row in model.transitions]
    paths = [[state] for state in range(len(model.states))]
    for _ in model.densities:
        paths = [[*path, state] for path in paths for state in follow[path[-1]]]
    for path in paths:
        begun = [model.states[state] for state in path[1:]]
        if all(any(_meets(state, w) for state in begun[w.start : w.stop]) for w in windows):
            best = max(best, _score(path, model))
    return float(best)


def _score(path: Sequence[int], model: Hmm) -> float:
    steps = sum(model.transitions[before, after] for before, after in itertools.pairwise(path))
    densities = sum(model.densities[frame, state] for frame, state in enumerate(path[1:]))
    return float(model.initial[path[0]] + steps + densities)


def log_probability_of(path: Path, space: StateSpace, model: Hmm) -> float:
    """Of the states that a path of beats passes, the one before frame 0 included."""
    frames = np.arange(-1, len(model.densities))
    beats = np.searchsorted(path.starts, frames, side="right") - 1
    passed = []
    for frame, beat in zip(frames, beats, strict=True):
        place = path.places[beat]
        interval = int(space.intervals[path.intervals[beat]])
        key = (int(space.metre[place]), int(space.number[place]), interval, int(frame - path.starts[beat]))
        passed.append(model.states.index(key))
    return _score(passed, model)
