"""The same function over many items, in processes, keeping what is finished when interrupted."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finished(Generic[Result]):
    """results: in the order of the items, None for those that were not finished. interrupted: by Ctrl-C."""

    results: list[Result | None]
    interrupted: bool


def run(
    function: Callable[[Work], Result],
    items: Sequence[Work],
    *,
    jobs: int = 1,
    label: str = "",
    quiet: bool = False,
    setup: Callable[..., None] | None = None,
    setup_arguments: tuple[Any, ...] = (),
) -> Finished[Result]:
    """Apply `function` to every item; `setup` runs once in each process before.

    function, setup: importable by name, as other processes need. With one job all runs in this process.
    The first error ends the run and is raised here; Ctrl-C ends it with what is finished.
    """
    results: list[Result | None] = [None] * len(items)
    interrupted = False
    steps = _processes if jobs > 1 and len(items) > 1 else _here
    try:
        with _progress(len(items), label, quiet) as advance:
            for index, result in steps(function, items, min(jobs, len(items)), setup, setup_arguments):
                results[index] = result
                advance()
    except KeyboardInterrupt:
        interrupted = True
    return Finished(results, interrupted)


def _here(
    function: Callable[[Work], Result],
    items: Sequence[Work],
    jobs: int,
    setup: Callable[..., None] | None,
    setup_arguments: tuple[Any, ...],
) -> Iterator[tuple[int, Result]]:
    if setup is not None:
        setup(*setup_arguments)
    for index, item in enumerate(items):
        yield index, function(item)


def _processes(
    function: Callable[[Work], Result],
    items: Sequence[Work],
    jobs: int,
    setup: Callable[..., None] | None,
    setup_arguments: tuple[Any, ...],
) -> Iterator[tuple[int, Result]]:
    # Spawned, as on every platform: a forked copy of a process with threads (ONNX Runtime, BLAS) may hang.
    pool = ProcessPoolExecutor(
        max_workers=jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(setup, setup_arguments),
    )
    try:
        futures: dict[Future[Result], int] = {pool.submit(function, item): n for n, item in enumerate(items)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(setup: Callable[..., None] | None, setup_arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches every process of the terminal; the parent alone acts on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setup is not None:
        setup(*setup_arguments)


@contextmanager
def _progress(length: int, label: str, quiet: bool) -> Iterator[Callable[[], None]]:
    if quiet or length < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    import click

    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield lambda: bar.update(1)
