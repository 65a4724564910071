from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.forward_backward import SpacePosterior, forward_backward
from beattrack.decoding.dbn.observation import Observation, beat_classes, observe
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.tempo_head import listen
from beattrack.decoding.dbn.viterbi import Viterbi, numpy_advance
from tests.dbn_cases import pulse
from tests.decoding.dbn.test_viterbi import FEW, Hmm, cases, hmm

Float64 = NDArray[np.float64]
Case = tuple[DBNSettings, float, int, Float64]


def state_posteriors(model: Hmm) -> tuple[float, Float64]:
    """Log-likelihood of a plain hidden Markov model, and the probability of each state, (frames, states)."""
    forward, scores = [], np.full(len(model.states), model.initial)
    for densities in model.densities:
        scores = np.logaddexp.reduce(scores[:, None] + model.transitions, axis=0) + densities
        forward.append(scores)
    backward, scores = [], np.zeros(len(model.states))
    for densities in model.densities[::-1]:
        backward.append(scores)
        scores = np.logaddexp.reduce(model.transitions + (densities + scores)[None], axis=1)
    total = float(np.logaddexp.reduce(forward[-1]))
    return total, np.exp(np.array(forward) + np.array(backward[::-1]) - total)


def space_of(case: Case) -> StateSpace:
    options, fps, metre, _ = case
    if metre == 1:
        return beat_space(options, fps)
    (space,) = bar_spaces(with_metres(options, (metre,)), fps)
    return space


def with_metres(options: DBNSettings, metres: tuple[int, ...]) -> DBNSettings:
    return DBNSettings(**{**vars(options), "beats_per_bar": metres})


def assert_is_that_of(model: Hmm, space: StateSpace, found: SpacePosterior) -> None:
    """Check all probabilities against those of the states; all places of the space are one metre's."""
    log_likelihood, states = state_posteriors(model)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=1e-9)
    starts, intervals, places = np.zeros_like(found.starts), *(np.zeros(n) for n in found_shapes(space))
    for (place, interval, step), probability in zip(model.states, states.T, strict=True):
        if step == 0:
            starts[place] += probability
        intervals[space.intervals.tolist().index(interval)] += probability.mean()
        places[place] += probability.mean()
    np.testing.assert_allclose(found.starts, starts, atol=1e-10)
    np.testing.assert_allclose(found.interval_shares, intervals, atol=1e-10)
    np.testing.assert_allclose(found.place_shares, places, atol=1e-10)


def found_shapes(space: StateSpace) -> tuple[int, int]:
    return len(space.intervals), space.places


@FEW
@given(cases())
def test_probabilities_are_those_of_the_plain_model(case: Case) -> None:
    options, fps, metre, classes = case
    space = space_of(case)
    model = hmm(metre, classes, options, space.intervals.tolist(), fps)
    observation = observe(classes, options.observation_lambda)
    assert_is_that_of(model, space, forward_backward(space, observation))


@FEW
@given(cases(), st.integers(1, 4000))
def test_segments_change_no_probability(case: Case, segment_bytes: int) -> None:
    options, _, _, classes = case
    space, observation = space_of(case), observe(classes, options.observation_lambda)
    whole = forward_backward(space, observation)
    pieces = forward_backward(space, observation, segment_bytes=segment_bytes)
    assert pieces.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-9)
    np.testing.assert_allclose(pieces.starts, whole.starts, atol=1e-12)
    np.testing.assert_allclose(pieces.interval_shares, whole.interval_shares, atol=1e-12)


def all_paths(
    space: StateSpace, observation: Observation
) -> tuple[list[float], list[list[tuple[int, int, int]]]]:
    """Log-probability and beats (start, place, interval) of every path, written out by recursion."""
    found: tuple[list[float], list[list[tuple[int, int, int]]]] = ([], [])
    frames = observation.frames

    def beat_score(start: int, place: int, interval: int) -> float:
        length = int(space.intervals[interval])
        region = range(max(start, 0), min(start + int(space.region_lengths[interval, place]), frames))
        scores = observation.scores[space.observation_class[place]]
        inside = min(start + length, frames) - max(start, 0)
        return float(scores[list(region)].sum()) + inside * float(space.frame_scores[interval])

    def follow(beats: list[tuple[int, int, int]], score: float) -> None:
        start, place, interval = beats[-1]
        score += beat_score(start, place, interval)
        end = start + int(space.intervals[interval])
        if end >= frames:
            found[0].append(score + observation.base)
            found[1].append(beats)
            return
        after = int(np.flatnonzero(space.previous == place)[0])
        for following in range(len(space.intervals)):
            step = space.step_scores[following, interval]
            if step > -np.inf:
                step -= space.intervals[interval] * space.frame_scores[interval]  # part of the beat's score
                follow([*beats, (end, after, following)], score + step)

    for place, interval in itertools.product(range(space.places), range(len(space.intervals))):
        for start in range(-int(space.intervals[interval]), 0):
            follow([(start, place, interval)], float(space.log_initial[place]))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_probabilities_are_those_of_all_paths_written_out(seed: int) -> None:
    """With several metres in one space, a tempo head, and beats cut off at both ends."""
    random = np.random.default_rng(seed)
    options = DBNSettings(min_bpm=100, max_bpm=200, transition_lambda=3, beats_per_bar=(1, 2, 3)[: 1 + seed % 3])
    fps, frames = 10.0, 5 + seed
    beats = random.random(frames) ** 2 * 0.98
    activations = Activations(
        beats, beats * random.random(frames), fps, tempo=random.random(300) ** 8 if seed % 2 else None
    )
    (space,) = listen(bar_spaces(options, fps), activations, 2.0)
    observation = observe(beat_classes(activations), 4)
    scores, paths = all_paths(space, observation)
    total = float(np.logaddexp.reduce(scores))
    starts, intervals, places = (np.zeros(n) for n in (space.places * frames, len(space.intervals), space.places))
    for score, path in zip(scores, paths, strict=True):
        probability = np.exp(score - total)
        for start, place, interval in path:
            if start >= 0:
                starts[place * frames + start] += probability
            inside = min(start + int(space.intervals[interval]), frames) - max(start, 0)
            intervals[interval] += probability * inside / frames
            places[place] += probability * inside / frames
    found = forward_backward(space, observation)
    assert found.log_likelihood == pytest.approx(total, abs=1e-9)
    np.testing.assert_allclose(found.starts, starts.reshape(space.places, frames), atol=1e-11)
    np.testing.assert_allclose(found.interval_shares, intervals, atol=1e-11)
    np.testing.assert_allclose(found.place_shares, places, atol=1e-11)
    assert Viterbi(space, observation, numpy_advance).log_probability == pytest.approx(max(scores), abs=1e-9)


@FEW
@given(cases())
def test_sums(case: Case) -> None:
    options, _, metre, classes = case
    space, observation = space_of(case), observe(classes, options.observation_lambda)
    found = forward_backward(space, observation)
    assert (found.starts >= 0).all() and (found.starts <= 1 + 1e-9).all()
    assert found.interval_shares.sum() == pytest.approx(1)
    assert found.place_shares.sum() == pytest.approx(1)
    # Not more than one beat begins within the shortest interval, and at least one within the longest.
    begun = np.concatenate([[0.0], np.cumsum(found.starts.sum(axis=0))])
    assert (begun[space.shortest :] - begun[: -space.shortest] <= 1 + 1e-9).all()
    assert (begun[space.longest :] - begun[: -space.longest] >= 1 - 1e-9).all()
    best = Viterbi(space, observation, numpy_advance).log_probability
    assert found.log_likelihood >= best - 1e-9


@FEW
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 4))
def test_time_may_run_backwards(seed: int, frames: int, metre: int) -> None:
    """If all changes of tempo are equally probable and a beat's region is a frame, the past is as the future."""
    options = DBNSettings(min_bpm=75, max_bpm=200, transition_lambda=0, beats_per_bar=(metre,))
    (space,) = bar_spaces(options, 10.0)
    assert (space.region_lengths == 1).all()
    random = np.random.default_rng(seed)
    beats = 1e-4 + random.random(frames) ** 3 * 0.99
    classes = np.stack([beats / 3, beats / 2])
    forwards = forward_backward(space, observe(classes, 24))
    backwards = forward_backward(space, observe(np.ascontiguousarray(classes[:, ::-1]), 24))
    assert forwards.log_likelihood == pytest.approx(backwards.log_likelihood, abs=1e-9)
    np.testing.assert_allclose(forwards.starts[0], backwards.starts[0, ::-1], atol=1e-10)
    np.testing.assert_allclose(forwards.starts.sum(axis=0), backwards.starts.sum(axis=0)[::-1], atol=1e-10)


def test_an_early_mistake_does_not_lose_the_later_truth() -> None:
    """Weights that are negligible for minutes, such as those of another metre or phase, must not be lost."""
    first, second = pulse(120, metre=4, drift=0, spurious=0), pulse(240, metre=3, drift=0, spurious=0)
    activations = Activations(
        np.concatenate([first.beats, second.beats]),
        np.concatenate([np.asarray(first.downbeats), np.asarray(second.downbeats)]),
        100.0,
    )
    for options in (DBNSettings(), DBNSettings(min_bpm=119.9, max_bpm=120.1, num_tempi=1)):
        (space,) = bar_spaces(options, 100.0)
        observation = observe(beat_classes(activations), options.observation_lambda)
        found = forward_backward(space, observation)
        viterbi = Viterbi(space, observation, numpy_advance)
        path = viterbi.path()
        assert space.metre[path.places[0]] == 3
        assert found.place_shares[:3].sum() == pytest.approx(1, abs=1e-6)
        assert found.log_likelihood >= viterbi.log_probability
        begun = path.starts[(path.starts > 12100) & (path.starts < 35000)]
        near = [found.starts[:, start - 7 : start + 8].sum() for start in begun]
        assert np.median(near) > 0.99


def test_memory_hardly_grows_with_the_length() -> None:
    options = DBNSettings(num_tempi=12)
    (space,) = bar_spaces(options, 100.0)
    observation = observe(beat_classes(pulse(1800)), 24)
    tracemalloc.start()
    try:
        forward_backward(space, observation, segment_bytes=2**20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # F alone would take 121 MB, the result 10 MB.
    assert peak < 45e6
