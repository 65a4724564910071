from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.runtime.ahead import Ahead, ahead, for_reader


@given(items=st.lists(st.integers() | st.none()), limit=st.integers(1, 5), threads=st.integers(1, 3))
def test_the_items_come_in_order(items: list[int | None], limit: int, threads: int) -> None:
    assert list(ahead(items, limit=limit, threads=threads)) == items


@pytest.mark.parametrize("threads", [1, 2])
def test_another_thread_computes_if_there_are_two(threads: int) -> None:
    def names() -> Iterator[str]:
        yield threading.current_thread().name

    (name,) = ahead(names(), limit=1, threads=threads)
    assert (name == threading.current_thread().name) == (threads == 1)


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    results = Ahead(items(), limit=4)
    assert next(results) == 1
    with pytest.raises(OSError, match="gone"):
        next(results)
    assert list(results) == []


def test_what_is_not_a_normal_error_is_raised_too() -> None:
    def items() -> Iterator[int]:
        raise KeyboardInterrupt
        yield 0

    with pytest.raises(KeyboardInterrupt), Ahead(items(), limit=1) as results:
        next(results)


def test_no_more_items_than_the_limit_wait() -> None:
    computed: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            computed.append(number)
            if number == 2:
                third.set()
            yield number

    with Ahead(items(), limit=2) as results:
        assert not third.wait(0.05)
        assert next(results) == 0
        assert third.wait(10)
        assert len(computed) <= 4


def test_closing_ends_the_iterator_in_its_thread() -> None:
    closed_by: list[str] = []

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed_by.append(threading.current_thread().name)

    before = threading.active_count()
    results = Ahead(items(), limit=1)
    next(results)
    results.close()
    assert threading.active_count() == before
    assert closed_by
    assert closed_by != [threading.current_thread().name]
    assert list(results) == []
    with closing(ahead(items(), limit=1, threads=2)) as generator:
        next(generator)
    assert threading.active_count() == before


def test_closing_before_the_first_item_is_read_ends_the_thread() -> None:
    before = threading.active_count()
    with Ahead(iter(range(1000)), limit=3):
        pass
    assert threading.active_count() == before


def test_the_reader_gives_the_warnings_at_their_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        for_reader(lambda: warnings.warn("odd", UserWarning, stacklevel=2))
        yield 2

    inner = Ahead(items(), limit=4)
    results = Ahead(inner, limit=4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert next(results) == 1
        assert not caught
        assert list(results) == [2]
    assert [str(warning.message) for warning in caught] == ["odd"]


def test_without_a_thread_it_is_done_at_once() -> None:
    done: list[int] = []
    for_reader(lambda: done.append(1))
    assert done == [1]
