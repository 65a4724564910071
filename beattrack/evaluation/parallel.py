"""The same function over many items, here or in processes, keeping what is finished when interrupted."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from beattrack.runtime import workers

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finished(Generic[Result]):
    """results: in the order of the items, None for those that were not finished. interrupted: by Ctrl-C."""

    results: list[Result | None]
    interrupted: bool


def _fatal(code: int) -> NoReturn:
    raise workers.DeadWorkerError(f"a process {workers.death(code)}")


def run(
    function: Callable[[Work], Result],
    items: Sequence[Work],
    *,
    jobs: int = 1,
    label: str = "",
    quiet: bool = False,
    died: Callable[[int], Result] = _fatal,
) -> Finished[Result]:
    """Apply `function` to every item, in as many processes as there are jobs; with one job, in this process.

    function: picklable; each process has its own copy and keeps it.
    died: makes the result of an item whose process ended from its exit code; by default that ends the run
    with a DeadWorkerError. The first error ends the run and is raised here; Ctrl-C ends it with what is
    finished.
    """
    results: list[Result | None] = [None] * len(items)
    interrupted = False
    try:
        with _progress(len(items), label, quiet) as advance:
            for index, result in _finished(function, items, jobs, died):
                results[index] = result
                advance()
    except KeyboardInterrupt:
        interrupted = True
    return Finished(results, interrupted)


def _finished(
    function: Callable[[Work], Result], items: Sequence[Work], jobs: int, died: Callable[[int], Result]
) -> Iterator[tuple[int, Result]]:
    if jobs == 1 or len(items) < 2:
        return enumerate(map(function, items))
    make = functools.partial(_itself, function)
    return workers.run(make, items, processes=jobs, threads=1, died=died)


def _itself(function: Callable[[Work], Result]) -> Callable[[Work], Result]:
    return function


@contextmanager
def _progress(length: int, label: str, quiet: bool) -> Iterator[Callable[[], None]]:
    if quiet or length < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    import click

    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield lambda: bar.update(1)
