from __future__ import annotations

import numpy as np
import pytest

from beattrack.plot.marks import clock, number_step, tempo_curve, tempo_limits, time_step


def test_the_curve_of_a_metronome_is_flat_in_spite_of_whole_frames() -> None:
    exact = 0.31 + np.arange(100) * 60 / 124
    times, tempi = tempo_curve(np.round(exact, 2), 4)
    assert len(times) == 96
    np.testing.assert_allclose(tempi, 124, atol=0.8)
    assert times[0] == pytest.approx((exact[0] + exact[4]) / 2, abs=0.01)


def test_the_curve_follows_a_change_and_breaks_at_a_pause() -> None:
    slow, fast = np.arange(20) * 1.0, 40 + np.arange(20) * 0.5
    times, tempi = tempo_curve(np.concatenate([slow, fast]), 4)
    np.testing.assert_allclose(tempi[:16], 60)
    np.testing.assert_allclose(tempi[-16:], 120)
    assert np.isnan(tempi[16:-16]).all()
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("times", [[], [1.0]])
def test_there_is_no_curve_without_intervals(times: list[float]) -> None:
    assert [len(part) for part in tempo_curve(np.array(times), 4)] == [0, 0]
    assert tempo_curve(np.array([1.0, 2.0]), 4)[1].tolist() == [60]


def test_limits_show_all_but_wild_tempi() -> None:
    low, high = tempo_limits(np.array([*[100.0] * 98, 90.0, 400.0, np.nan]), 100.0)
    assert low < 90
    assert 105 < high < 200
    low, high = tempo_limits(np.array([100.0]), None)
    assert low < 95 < 105 < high
    assert tempo_limits(np.zeros(0), None) == (60.0, 180.0)


def test_bar_numbers_are_thinned_out() -> None:
    assert [number_step(bars, 40) for bars in (0, 40, 41, 100, 10_000)] == [1, 1, 2, 4, 256]


def test_clock_times() -> None:
    assert [clock(value) for value in (0, 5.5, 65, 119.9999, 3600)] == [
        "0:00",
        "0:05.5",
        "1:05",
        "2:00",
        "60:00",
    ]


def test_steps_of_the_time_axis_are_round() -> None:
    assert [time_step(length, 16) for length in (0.05, 6, 30, 60, 180, 600, 3600, 36000)] == [
        *(0.01, 0.5, 2, 5, 15, 60, 300, 3600)
    ]
    assert time_step(1e6, 16) / 3600 == 18
