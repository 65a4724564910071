from __future__ import annotations

import threading

import pytest

from beattrack.runtime.lanes import in_lanes


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_item_is_worked_on_once(threads: int) -> None:
    done: list[int] = []
    in_lanes(done.append, iter(range(100)), threads=threads)
    assert sorted(done) == list(range(100))
    in_lanes(done.append, [], threads=threads)
    assert len(done) == 100


def test_items_are_worked_on_side_by_side() -> None:
    together = threading.Barrier(2, timeout=10)
    in_lanes(lambda item: together.wait(), range(2), threads=2)


def test_one_thread_is_this_one() -> None:
    threads: list[threading.Thread] = []
    in_lanes(lambda item: threads.append(threading.current_thread()), range(3), threads=1)
    assert threads == [threading.current_thread()] * 3


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_ends_the_work(threads: int) -> None:
    begun: list[int] = []

    def fail(item: int) -> None:
        begun.append(item)
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        in_lanes(fail, range(1000), threads=threads)
    assert len(begun) <= threads


def test_an_error_of_the_items_is_raised() -> None:
    def items():  # type: ignore[no-untyped-def]
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        in_lanes(lambda item: None, items(), threads=2)
