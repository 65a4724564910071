from __future__ import annotations

import os
import time

import pytest

from beattrack.evaluation import parallel

_memory: list[int] = []


def remember(value: int) -> None:
    _memory[:] = [value]


def square(number: int) -> int:
    return number * number + (_memory[0] if _memory else 0)


def square_slowly_at_first(number: int) -> tuple[int, int]:
    time.sleep(0.2 if number == 0 else 0.0)
    return number * number, os.getpid()


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def interrupt_on_three(number: int) -> int:
    if number == 3:
        raise KeyboardInterrupt
    return number


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_are_in_the_order_of_the_items(jobs):
    finished = parallel.run(square, range(6), jobs=jobs, setup=remember, setup_arguments=(100,))
    _memory.clear()
    assert finished.results == [100, 101, 104, 109, 116, 125]
    assert not finished.interrupted


def test_processes_are_others_than_this_one():
    finished = parallel.run(square_slowly_at_first, range(4), jobs=2)
    assert [result[0] for result in finished.results] == [0, 1, 4, 9]
    assert os.getpid() not in {result[1] for result in finished.results}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_is_raised_here(jobs):
    with pytest.raises(ValueError, match="three"):
        parallel.run(fail_on_three, range(6), jobs=jobs)


def test_an_interruption_keeps_what_is_finished():
    finished = parallel.run(interrupt_on_three, range(6))
    assert finished.results == [0, 1, 2, None, None, None]
    assert finished.interrupted


def test_nothing_to_do():
    assert parallel.run(square, [], jobs=4).results == []
