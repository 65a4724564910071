from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from beattrack.errors import AudioError, MissingExtraError
from beattrack.runtime import workers
from beattrack.runtime.signals import Terminated
from tests.audio_cases import posix_only
from tests.worker_cases import (
    Counting,
    die_on_three,
    make_nothing,
    make_raising,
    make_reading,
    make_sleep,
    make_square,
)

pytestmark = posix_only


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


def test_every_item_is_done_once_by_one_of_the_processes() -> None:
    items = range(20, 60)
    results = dict(workers.run(make_square, items, processes=2, threads=1, died=lambda code: (0, code)))
    assert [results[index][0] for index in range(len(items))] == [n * n for n in items]
    processes = {process for _, process in results.values()}
    assert len(processes) <= 2
    assert os.getpid() not in processes


def test_a_process_that_dies_costs_its_item_alone() -> None:
    items = [1, 13, 2, 17, 3, 13, 4]
    results = dict(workers.run(make_square, items, processes=2, threads=1, died=lambda code: (0, code)))
    assert [results[index] for index in (1, 3, 5)] == [(0, -9), (0, 3), (0, -9)]
    assert [results[index][0] for index in (0, 2, 4, 6)] == [1, 4, 9, 16]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (-9, "was killed, possibly because memory ran out"),
        (-11, "was ended by signal 11"),
        (3, "ended with exit code 3"),
    ],
)
def test_how_a_process_ended_is_told(code: int, said: str) -> None:
    assert workers.death(code) == said


def test_an_error_of_the_work_is_raised_here_and_says_where_it_arose() -> None:
    with pytest.raises(AudioError, match="two is bad") as raised:
        list(workers.run(make_raising, ["one", "two"], processes=2, threads=1, died=lambda code: None))
    assert "worker_cases.py" in str(raised.value.__cause__)


def test_an_error_on_the_way_to_the_work_is_raised_here() -> None:
    with pytest.raises(MissingExtraError, match=r"lute needs the package 'gut'.*beattrack\[strings\]"):
        list(workers.run(make_nothing, [1, 2, 3], processes=2, threads=1, died=lambda code: None))


def test_threads_are_divided_unless_the_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    found = dict(
        workers.run(
            make_reading,
            ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"],
            processes=2,
            threads=3,
            died=lambda code: "died",
        )
    )
    assert found == {0: "7", 1: "3"}
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_when_the_parent_stops_all_stop_and_clean_up(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "ab"]

    class StopError(Exception):
        pass

    def wait_for_both(connections: list[object]) -> list[object]:
        while not all(path.exists() for path in paths):
            time.sleep(0.01)
        raise StopError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "wait", wait_for_both)
        with pytest.raises(StopError):
            list(workers.run(make_sleep, paths, processes=2, threads=1, died=lambda code: None))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_results_are_in_the_order_of_the_items(processes: int) -> None:
    finished = workers.collect(square, range(6), processes=processes)
    assert finished.results == [0, 1, 4, 9, 16, 25]
    assert not finished.interrupted


def test_processes_are_others_than_this_one() -> None:
    assert os.getpid() not in workers.collect(process, range(4), processes=2).results
    assert set(workers.collect(process, range(4)).results) == {os.getpid()}


@pytest.mark.parametrize("processes", [1, 2])
def test_what_works_keeps_what_it_has_learnt(processes: int) -> None:
    counts = workers.collect(Counting(), range(9), processes=processes).results
    assert counts.count(1) <= processes
    assert max(counts) >= 9 // processes


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised_here(processes: int) -> None:
    with pytest.raises(ValueError, match="three"):
        workers.collect(fail_on_three, range(6), processes=processes)


def test_a_process_that_dies_ends_the_run_or_costs_its_item_alone() -> None:
    finished = workers.collect(die_on_three, range(6), processes=2, died=lambda code: code)
    assert finished.results == [0, 1, 2, -9, 4, 5]
    with pytest.raises(
        workers.DeadWorkerError, match="a process was killed, possibly because memory ran out"
    ):
        workers.collect(die_on_three, range(6), processes=2)


def terminate_on_three(number: int) -> int:
    if number == 3:
        raise Terminated(signal.SIGTERM)
    return number


def test_a_signal_to_end_keeps_nothing() -> None:
    with pytest.raises(Terminated) as raised:
        workers.collect(terminate_on_three, range(6))
    assert raised.value.exit_code == 143


def test_an_interruption_keeps_what_is_finished() -> None:
    finished = workers.collect(interrupt_on_three, range(6))
    assert finished.results == [0, 1, 2, None, None, None]
    assert finished.interrupted


def test_nothing_to_do() -> None:
    assert workers.collect(square, [], processes=4).results == []


def test_how_far_it_is_is_told() -> None:
    told: list[tuple[int, int]] = []
    workers.collect(square, range(3), progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
