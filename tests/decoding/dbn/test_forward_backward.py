from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.forward_backward import SpacePosterior, forward_backward
from beattrack.decoding.dbn.observation import Observation, Window, beat_classes, observe
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.tempo_head import listen
from beattrack.decoding.dbn.viterbi import Viterbi, numpy_advance
from tests.dbn_cases import pulse
from tests.decoding.dbn import test_viterbi, test_windows
from tests.decoding.dbn.test_viterbi import FEW
from tests.plain_hmm import Hmm, best_log_probability, hmm

Float64 = NDArray[np.float64]
Case = tuple[DBNSettings, float, StateSpace, Float64, tuple[Window, ...]]

FPS_OF_WINDOWS = 10.0  # in the cases of `test_windows`


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """All settings with one metre; or several metres, changes between them, and windows of anchors."""
    if draw(st.booleans()):
        options, space, classes, windows = draw(test_windows.cases(most_frames=30))
        return options, FPS_OF_WINDOWS, space, classes, windows
    options, fps, metre, classes = draw(test_viterbi.cases())
    if metre == 1:
        return options, fps, beat_space(options, fps), classes, ()
    (space,) = bar_spaces(replace(options, beats_per_bar=(metre,)), fps)
    return options, fps, space, classes, ()


def posteriors(case: Case, **options: int) -> SpacePosterior:
    settings, _, space, classes, windows = case
    return forward_backward(space, observe(classes, settings.observation_lambda, windows), **options)


def state_posteriors(model: Hmm, windows: tuple[Window, ...]) -> tuple[float, Float64]:
    """Log-likelihood of the paths that meet the windows, and probabilities of the states, (frames, states).

    States are doubled as in `plain_hmm.best_log_probability`: in the second copy, a beat has begun in the
    current window.
    """
    count = len(model.states)
    step = np.kron(np.eye(2), np.exp(model.transitions))
    moves = [moves_at(frame, model, windows) for frame in range(len(model.densities))]
    heights = model.densities.max(axis=1)
    densities = np.tile(np.exp(model.densities - heights[:, None]), 2)
    forward, scale = [], 0.0
    weights = np.concatenate([np.exp(model.initial), np.zeros(count)])
    for frame, move in enumerate(moves):
        weights = ((weights @ step) * densities[frame]) @ move
        scale += heights[frame] + np.log(weights.sum())
        weights = weights / weights.sum()
        forward.append(weights)
    backward = [np.ones(2 * count)]
    for frame in range(len(moves) - 1, 0, -1):
        rest = step @ (densities[frame] * (moves[frame] @ backward[-1]))
        backward.append(rest / rest.sum())
    both = np.array(forward) * np.array(backward[::-1])
    both /= both.sum(axis=1, keepdims=True)
    return scale, both[:, :count] + both[:, count:]


def moves_at(frame: int, model: Hmm, windows: tuple[Window, ...]) -> Float64:
    """Moves of paths between the copies of the states at a frame, (from, to)."""
    one, none = np.eye(len(model.states)), np.zeros((len(model.states), len(model.states)))
    moves = np.eye(2 * len(model.states))
    for window in windows:
        if frame == window.start:
            moves = moves @ np.block([[one, none], [one, none]])
        if window.start <= frame < window.stop:
            meets = [k == 0 and window.position in (None, b + 1) for _, b, _, k in model.states]
            moves = moves @ np.block([[one * ~np.array(meets), one * meets], [none, one]])
        if frame == window.stop - 1:
            moves = moves @ np.block([[none, none], [one, none]])
    return moves


@FEW
@given(cases())
def test_probabilities_are_those_of_the_plain_model(case: Case) -> None:
    options, fps, space, classes, windows = case
    model = hmm(space.metres, classes, options, space.intervals.tolist(), fps)
    found = posteriors(case)
    if best_log_probability(model, windows) == -np.inf:
        assert found.log_likelihood == -np.inf
        assert not found.starts.any()
        return
    log_likelihood, states = state_posteriors(model, windows)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=1e-9)
    starts, intervals, places = (
        np.zeros_like(array) for array in (found.starts, found.interval_shares, found.place_shares)
    )
    for (metre, beat, interval, frame), probability in zip(model.states, states.T, strict=True):
        place = int(np.flatnonzero((space.metre == metre) & (space.number == beat))[0])
        if frame == 0:
            starts[place] += probability
        intervals[space.intervals.tolist().index(interval)] += probability.mean()
        places[place] += probability.mean()
    np.testing.assert_allclose(found.starts, starts, atol=1e-10)
    np.testing.assert_allclose(found.interval_shares, intervals, atol=1e-10)
    np.testing.assert_allclose(found.place_shares, places, atol=1e-10)


@FEW
@given(cases(), st.integers(1, 4000))
def test_segments_change_no_probability(case: Case, segment_bytes: int) -> None:
    whole, pieces = posteriors(case), posteriors(case, segment_bytes=segment_bytes)
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
    options = DBNSettings(
        min_bpm=100, max_bpm=200, transition_lambda=3, beats_per_bar=(1, 2, 3)[: 1 + seed % 3]
    )
    fps, frames = 10.0, 5 + seed
    beats = random.random(frames) ** 2 * 0.98
    activations = Activations(
        beats, beats * random.random(frames), fps, tempo=random.random(300) ** 8 if seed % 2 else None
    )
    (space,) = listen(bar_spaces(options, fps), activations, 2.0)
    observation = observe(beat_classes(activations), 4)
    scores, paths = all_paths(space, observation)
    total = float(np.logaddexp.reduce(scores))
    starts, intervals, places = (
        np.zeros(n) for n in (space.places * frames, len(space.intervals), space.places)
    )
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
    options, _, space, classes, windows = case
    found = posteriors(case)
    if found.log_likelihood == -np.inf:
        return
    assert (found.starts >= 0).all()
    assert (found.starts <= 1 + 1e-9).all()
    assert found.interval_shares.sum() == pytest.approx(1)
    assert found.place_shares.sum() == pytest.approx(1)
    begun = np.concatenate([[0.0], np.cumsum(found.starts.sum(axis=0))])
    # Not more than one beat begins within the shortest interval, at least one within the longest, and one in
    # each window.
    assert (begun[space.shortest :] - begun[: -space.shortest] <= 1 + 1e-9).all()
    assert (begun[space.longest :] - begun[: -space.longest] >= 1 - 1e-9).all()
    for window in windows:
        assert begun[window.stop] - begun[window.start] == pytest.approx(1)
    observation = observe(classes, options.observation_lambda, windows)
    assert found.log_likelihood >= Viterbi(space, observation, numpy_advance).log_probability - 1e-9


@FEW
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 4))
def test_time_may_run_backwards(seed: int, frames: int, metre: int) -> None:
    """If all changes of tempo are equally probable and regions are one frame, past and future are alike."""
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
