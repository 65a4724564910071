from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.gridding.lines import Line, counted_beats, fitted, nearest_ones, one_line


@given(st.floats(40, 240), st.floats(0, 30), st.integers(0, 1000))
def test_misplaced_missing_and_extra_beats_do_not_change_the_line(
    bpm: float, offset: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    exact = offset + np.arange(200) * 60 / bpm
    times = exact + rng.uniform(-0.002, 0.002, 200)
    times[rng.choice(200, 8, replace=False)] += rng.uniform(-0.2, 0.2, 8) * 60 / bpm
    times = np.delete(times, rng.choice(200, 10, replace=False))
    times = np.unique(np.concatenate([times, rng.uniform(exact[0], exact[-1], 6)]))
    line = one_line(times)
    assert line is not None
    numbers = line.numbers(exact)
    assert np.diff(numbers).tolist() == [1] * 199
    np.testing.assert_allclose(line.at(numbers), exact, atol=0.002)


def test_a_pause_does_not_count() -> None:
    times = np.concatenate([np.arange(40) * 0.5, 100 + np.arange(40) * 0.5])
    line = one_line(times)
    assert line is not None
    assert line.period == pytest.approx(0.5)


def test_few_beats_have_no_line() -> None:
    assert one_line(np.arange(7) * 0.5) is None
    assert one_line(np.zeros(0)) is None


def test_the_fit_is_that_of_least_squares() -> None:
    numbers, times = np.array([0, 1, 3, 4]), np.array([0.0, 0.6, 1.4, 2.1])
    slope, offset = np.polyfit(numbers, times, 1)
    line = fitted(numbers, times)
    assert (line.period, line.offset) == (pytest.approx(slope), pytest.approx(offset))


def test_one_beat_for_each_number() -> None:
    kept = nearest_ones(np.array([3, 3, 4, 5, 5]), np.array([0.2, 0.1, 0.3, 0.0, 0.0]))
    assert kept.tolist() == [False, True, True, True, False]


def test_counting_goes_on_through_missing_beats_and_leaves_out_extra_ones() -> None:
    exact = np.concatenate([np.arange(40) * 0.5, 20 + np.arange(40) * 0.4])
    times = np.sort(np.append(np.delete(exact, [10, 11, 60]), 12.2))
    numbers, kept = counted_beats(times)
    extra = int(np.searchsorted(times, 12.2))
    assert np.flatnonzero(~kept).tolist() == [extra]
    assert numbers[kept].tolist() == [n for n in range(80) if n not in (10, 11, 60)]


def test_counting_goes_on_after_a_cut() -> None:
    times = np.concatenate([np.arange(30) * 0.5, 15.2 + np.arange(30) * 0.5])
    numbers, kept = counted_beats(times)
    assert kept.all()
    assert (np.diff(numbers) >= 1).all()


def test_a_line_knows_numbers_and_times() -> None:
    line = Line(0.5, 0.25)
    assert line.numbers(np.array([0.2, 0.8, 5.24])).tolist() == [0, 1, 10]
    assert line.at(np.array([0, 10])).tolist() == [0.25, 5.25]
