"""The filter equals a plain hidden Markov model with one state for each frame of each beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.dbn import TempoPrior
from beattrack.decoding.online.filter import ForwardFilter
from beattrack.decoding.online.model import OnlineModel, online_model
from beattrack.decoding.online.settings import OnlineSettings

Float64 = NDArray[np.float64]
FEW = settings(max_examples=60, deadline=None)


@dataclass
class Hmm:
    """State 0 is "no beat to follow"; the others are (interval, place, frame of the beat)."""

    states: list[tuple[int, int, int]]
    transitions: Float64  # (from, to)
    initial: Float64

    def posteriors(self, model: OnlineModel, ratios: Float64) -> Float64:
        """The textbook forward algorithm, shape (frames, states)."""
        space = model.space
        rows, now = [], self.initial
        for frame in ratios:
            now = now @ self.transitions
            for index, (i, b, k) in enumerate(self.states, start=1):
                if k < space.region_lengths[i, b]:
                    now[index] *= frame[space.observation_class[b]]
            now = now / now.sum()
            rows.append(now)
        return np.array(rows)


def hmm(model: OnlineModel) -> Hmm:
    """Written out from the model's description, without regard to speed."""
    intervals = model.space.intervals.tolist()
    places = range(model.space.places)
    states = [(i, b, k) for i, n in enumerate(intervals) for b in places for k in range(n)]
    number = {state: index for index, state in enumerate(states, start=1)}
    transitions = np.zeros((len(states) + 1, len(states) + 1))
    for (i, b, k), row in number.items():
        if k < intervals[i] - 1:
            transitions[row, number[i, b, k + 1]] = 1.0
            continue
        weight = model.weights[i]
        transitions[row, 0] = weight * model.lose
        for j in range(len(intervals)):
            for c in places:
                step = model.interval_steps[j, i] * model.place_steps[b, c]
                transitions[row, number[j, c, 0]] = weight * (1 - model.lose) * step
    transitions[0, 0] = 1 - model.enter
    initial = np.zeros(len(states) + 1)
    initial[0] = model.lost_at_start
    for (i, b, k), row in number.items():
        if k == 0:
            transitions[0, row] = model.enter * model.entry[i, b]
        initial[row] = (1 - model.lost_at_start) * model.entry[i, b] / intervals[i]
    return Hmm(states, transitions, initial)


def posterior(filtered: ForwardFilter, states: list[tuple[int, int, int]]) -> Float64:
    ages = filtered.by_age()
    return np.array([filtered.lost, *(ages[k, i, b] for i, b, k in states)])


@st.composite
def small_models(draw: st.DrawFn) -> OnlineModel:
    fps = draw(st.sampled_from([8.0, 10.0, 12.5]))
    low = draw(st.floats(70, 140))
    options = OnlineSettings(
        beats_per_bar=draw(st.sampled_from([(2,), (3,), (2, 3), (3, 4)])),
        min_bpm=low,
        max_bpm=low * draw(st.floats(1.0, 2.2)),
        transition_lambda=draw(st.sampled_from([0.0, 5.0, 100.0])),
        observation_lambda=draw(st.sampled_from([2.0, 3.0, 8.0])),
        tempo_prior=draw(st.sampled_from([None, TempoPrior(100.0, 0.5, 3.0)])),
        bar_change=draw(st.sampled_from([0.0, 0.1])),
        lose=draw(st.sampled_from([0.0, 0.2])),
        pause=draw(st.sampled_from([0.1, 2.0])),
    )
    return online_model(options, fps, bars=draw(st.booleans()))


@FEW
@given(small_models(), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_posteriors_equal_those_of_the_plain_model(model: OnlineModel, frames: int, seed: int) -> None:
    ratios = np.exp(np.random.default_rng(seed).normal(0, 2, (frames, 2)))
    plain = hmm(model)
    filtered = ForwardFilter(model)
    np.testing.assert_allclose(posterior(filtered, plain.states), plain.initial, atol=1e-12)
    for expected, frame in zip(plain.posteriors(model, ratios), ratios, strict=True):
        filtered.step(frame)
        np.testing.assert_allclose(posterior(filtered, plain.states), expected, atol=1e-9, rtol=0)


def test_nothing_drifts_over_many_frames() -> None:
    model = online_model(OnlineSettings(min_bpm=100, max_bpm=200), 10.0, bars=True)
    ratios = np.exp(np.random.default_rng(1).normal(0, 2, (20_000, 2)))
    filtered, plain = ForwardFilter(model), hmm(model)
    for frame in ratios:
        filtered.step(frame)
    expected = plain.posteriors(model, ratios)[-1]
    np.testing.assert_allclose(posterior(filtered, plain.states), expected, atol=1e-9, rtol=0)


def test_the_plain_model_is_a_distribution() -> None:
    model = online_model(OnlineSettings(min_bpm=100, max_bpm=200, tempo_prior=None), 10.0, bars=True)
    plain = hmm(model)
    np.testing.assert_allclose(plain.transitions.sum(axis=1), 1.0)
    assert plain.initial.sum() == pytest.approx(1.0)


def test_reset_returns_to_the_start() -> None:
    model = online_model(OnlineSettings(), 50.0, bars=True)
    filtered, fresh = ForwardFilter(model), ForwardFilter(model)
    for _ in range(70):
        filtered.step(np.array([3.0, 0.2]))
    filtered.reset()
    for one in (filtered, fresh):
        one.step(np.array([0.5, 2.0]))
    np.testing.assert_array_equal(filtered.by_age(), fresh.by_age())
    assert filtered.lost == fresh.lost


def test_windows_are_parts_of_the_posterior() -> None:
    model = online_model(OnlineSettings(), 50.0, bars=True)
    filtered = ForwardFilter(model)
    for frame in np.exp(np.random.default_rng(0).normal(0, 1, (60, 2))):
        filtered.step(frame)
    states = filtered.by_age()  # (ages, intervals, places)
    np.testing.assert_array_equal(filtered.recent(4), states[:4])
    for ahead in (1, 2, 3):
        expected = [states[n - ahead, i] for i, n in enumerate(model.space.intervals)]
        np.testing.assert_array_equal(filtered.coming(3)[ahead - 1], expected)


def test_impossible_frames_leave_a_posterior() -> None:
    filtered = ForwardFilter(online_model(OnlineSettings(), 100.0, bars=True))
    for ratio in (1e-300, 0.0, 1e300, 1e-300):
        for _ in range(300):
            filtered.step(np.array([ratio, ratio]))
        assert np.isfinite(filtered.by_age()).all()
        assert filtered.by_age().sum() + filtered.lost == pytest.approx(1.0)
