from __future__ import annotations

import numpy as np

from beattrack.plot.marks import clock, number_step, tempo_limits, time_step


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
