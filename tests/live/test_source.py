from __future__ import annotations

import numpy as np
import pytest

from beattrack.live.source import LiveSource


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def source(*lengths: int, rate: float = 1000) -> LiveSource:
    return LiveSource("test", rate, 1, iter([np.full((n, 1), n, np.int16) for n in lengths]))


def test_hops_are_of_ten_milliseconds() -> None:
    assert [len(chunk) for chunk in source(25, 10, 3).in_hops().chunks] == [10, 10, 5, 10, 3]


def test_in_real_time_chunks_come_when_their_last_sample_would_be_heard() -> None:
    clock = Clock()
    times = [clock.now for _ in source(25, 10, 5).in_real_time(clock, clock.sleep).chunks]
    assert times == pytest.approx([100.01, 100.02, 100.025, 100.035, 100.04])


def test_a_slow_reader_is_not_slowed_down_further() -> None:
    clock = Clock()
    times = []
    for _ in source(100).in_real_time(clock, clock.sleep).chunks:
        times.append(clock.now)
        clock.now += 0.05 if len(times) == 1 else 0.001
    assert times[:6] == pytest.approx([100.01, 100.06, 100.061, 100.062, 100.063, 100.064])
    assert times[-1] == pytest.approx(100.1)
