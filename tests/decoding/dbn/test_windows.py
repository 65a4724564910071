from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.observation import Window, observe
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces
from beattrack.decoding.dbn.viterbi import Path, Viterbi, numpy_advance
from tests.plain_hmm import best_log_probability, enumerated_log_probability, hmm, log_probability_of

Float64 = NDArray[np.float64]

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def windows_within(draw: st.DrawFn, frames: int, shortest: int, positions: int) -> tuple[Window, ...]:
    """Windows without overlap, not longer than the shortest interval."""
    windows: list[Window] = []
    start = draw(st.integers(0, max(frames - 1, 0)))
    while start < frames and len(windows) < 4:
        width = draw(st.integers(1, shortest))
        position = draw(st.none() | st.integers(1, positions))
        windows.append(Window(start, min(start + width, frames), position))
        start = windows[-1].stop + draw(st.integers(0, 3 * shortest))
    return tuple(windows)


Case = tuple[DBNSettings, StateSpace, Float64, tuple[Window, ...]]


@st.composite
def cases(draw: st.DrawFn, most_frames: int = 40, most_intervals: int = 4) -> Case:
    fps = 10.0
    metres = draw(st.sampled_from([(2,), (3,), (2, 3), (3, 2), (1, 3)]))
    shortest = draw(st.integers(3, 6))
    options = DBNSettings(
        beats_per_bar=metres,
        # Half a frame inside, because the ends of a range are rounded outwards.
        min_bpm=60 * fps / (shortest + draw(st.integers(1, most_intervals - 1)) - 0.5),
        max_bpm=60 * fps / (shortest + 0.5),
        transition_lambda=draw(st.sampled_from([0.0, 1.0, 10.0])),
        observation_lambda=draw(st.sampled_from([2, 4])),
        metre_change=draw(st.none() | st.sampled_from([1e-4, 0.3])),
    )
    (space,) = bar_spaces(options, fps)
    frames = draw(st.integers(1, most_frames))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    classes = 1e-6 + 0.49 * random.random((2, frames)) ** draw(st.sampled_from([1, 3, 8]))
    windows = draw(windows_within(frames, space.shortest, max(metres) + draw(st.integers(0, 1))))
    return options, space, classes, windows


def assert_meets(path: Path, space: StateSpace, windows: tuple[Window, ...]) -> None:
    for window in windows:
        inside = (path.starts >= window.start) & (path.starts < window.stop)
        assert inside.sum() == 1
        if window.position is not None:
            assert space.number[path.places[inside]].tolist() == [window.position - 1]


@MANY
@given(cases(), st.sampled_from([1, 2000, 2**20]))
def test_best_path_through_windows_is_that_of_the_plain_model(case: Case, segment_bytes: int) -> None:
    options, space, classes, windows = case
    model = hmm(space.metres, classes, options, space.intervals.tolist(), 10.0)
    expected = best_log_probability(model, windows)
    observation = observe(classes, options.observation_lambda, windows)
    viterbi = Viterbi(space, observation, numpy_advance, segment_bytes=segment_bytes)
    if expected == -np.inf:
        assert viterbi.log_probability == -np.inf
        return
    assert viterbi.log_probability == pytest.approx(expected, abs=1e-9)
    path = viterbi.path()
    assert_meets(path, space, windows)
    assert log_probability_of(path, space, model) == pytest.approx(expected, abs=1e-9)


@MANY
@given(cases(most_frames=9, most_intervals=2))
def test_best_path_through_windows_is_the_best_of_all_paths(case: Case) -> None:
    options, space, classes, windows = case
    model = hmm(space.metres, classes, options, space.intervals.tolist(), 10.0)
    expected = enumerated_log_probability(model, windows)
    assert best_log_probability(model, windows) == pytest.approx(expected, abs=1e-9)
    observation = observe(classes, options.observation_lambda, windows)
    found = Viterbi(space, observation, numpy_advance).log_probability
    assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(cases(most_frames=200), st.sampled_from([1, 2**20]))
def test_compiled_form_agrees_to_the_last_bit(case: Case, segment_bytes: int) -> None:
    pytest.importorskip("numba")
    from beattrack.decoding.dbn.viterbi_numba import numba_advance

    options, space, classes, windows = case
    observation = observe(classes, options.observation_lambda, windows)
    one = Viterbi(space, observation, numpy_advance)
    other = Viterbi(space, observation, numba_advance, segment_bytes=segment_bytes)
    assert one.log_probability == other.log_probability
    if one.log_probability > -np.inf:
        for name in ("starts", "places", "intervals"):
            np.testing.assert_array_equal(getattr(one.path(), name), getattr(other.path(), name))


def test_windows_around_the_beats_of_the_best_path_do_not_change_it() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    observation = observe(np.random.default_rng(4).random((2, 3000)) * 0.49, 16)
    free = Viterbi(space, observation, numpy_advance)
    path = free.path()
    numbers = space.number[path.places]
    windows = tuple(
        Window(max(start - 5, 0), min(start + 6, 3000), int(number) + 1)
        for start, number in zip(path.starts, numbers, strict=True)
        if start >= 0
    )
    held = Viterbi(space, replace(observation, windows=windows), numpy_advance)
    assert held.log_probability == free.log_probability
    np.testing.assert_array_equal(held.path().starts, path.starts)


def test_windows_that_no_path_meets_leave_no_path() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    classes = np.random.default_rng(4).random((2, 500)) * 0.49
    for windows in (
        (Window(100, 101), Window(110, 111)),  # closer than the shortest interval
        (Window(100, 101, 5),),  # beyond the end of every bar
        (Window(100, 101, 1), Window(130, 131, 4)),  # the next beat is the second
    ):
        assert Viterbi(space, observe(classes, 16, windows), numpy_advance).log_probability == -np.inf
