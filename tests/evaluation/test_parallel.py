from __future__ import annotations

import os

import pytest

from beattrack.evaluation import parallel
from beattrack.runtime.workers import DeadWorkerError
from tests.audio_cases import posix_only
from tests.worker_cases import Counting, die_on_three


def square(number: int) -> int:
    return number * number


def process(number: int) -> int:
    return os.getpid()


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
    finished = parallel.run(square, range(6), jobs=jobs)
    assert finished.results == [0, 1, 4, 9, 16, 25]
    assert not finished.interrupted


def test_processes_are_others_than_this_one():
    assert os.getpid() not in parallel.run(process, range(4), jobs=2).results
    assert set(parallel.run(process, range(4)).results) == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_works_keeps_what_it_has_learnt(jobs):
    counts = parallel.run(Counting(), range(9), jobs=jobs).results
    assert counts.count(1) <= jobs
    assert max(counts) >= 9 // jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_is_raised_here(jobs):
    with pytest.raises(ValueError, match="three"):
        parallel.run(fail_on_three, range(6), jobs=jobs)


@posix_only
def test_a_process_that_dies_ends_the_run_or_costs_its_item_alone():
    finished = parallel.run(die_on_three, range(6), jobs=2, died=lambda code: code)
    assert finished.results == [0, 1, 2, -9, 4, 5]
    with pytest.raises(DeadWorkerError, match="a process was killed, maybe for want of memory"):
        parallel.run(die_on_three, range(6), jobs=2)


def test_an_interruption_keeps_what_is_finished():
    finished = parallel.run(interrupt_on_three, range(6))
    assert finished.results == [0, 1, 2, None, None, None]
    assert finished.interrupted


def test_nothing_to_do():
    assert parallel.run(square, [], jobs=4).results == []
