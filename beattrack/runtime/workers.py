"""A process pool that survives crashes of its processes.

If a process dies, only the item it was working on is lost, unlike with `concurrent.futures`. `run` yields
each result when it is finished, `collect` returns all of them at the end.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NoReturn, TypeVar

from beattrack.errors import BeattrackError
from beattrack.runtime import signals

Work = TypeVar("Work")
Result = TypeVar("Result")

GRACE_SECONDS = 3.0  # before a process is killed; signals end it sooner, see `signals`
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class DeadWorkerError(BeattrackError):
    """A process was killed or crashed, and the result of its item is required."""


def run(
    make: Callable[[], Callable[[Work], Result]],
    items: Sequence[Work],
    *,
    processes: int,
    threads: int,
    died: Callable[[int], Result],
) -> Iterator[tuple[int, Result]]:
    """Yield the index and result of every item, in the order in which they are finished.

    Errors raised in a process are raised here. All processes end when the iteration ends, even by an error or
    Ctrl-C.

    Args:
        make: called once in each process; returns the function that is applied to the items. It must be
            picklable, like items and results.
        items: items to work on.
        processes: number of processes. With one process or one item, this process does the work.
        threads: threads of the numerical libraries in each process.
        died: called with the exit code of a process that died; returns the result of its item, or raises.
    """
    if processes == 1 or len(items) < 2:
        yield from enumerate(map(make(), items))
        return
    pending = iter(enumerate(items))
    workers: list[_Worker[Work, Result]] = [_Worker(make, threads) for _ in range(min(processes, len(items)))]
    try:
        busy: dict[Any, _Worker[Work, Result]]
        busy = {worker.connection: worker for worker in workers if worker.take(pending)}
        while busy:
            for connection in wait(list(busy)):
                worker = busy.pop(connection)
                index = worker.index
                try:
                    result: Result | _Raised = worker.connection.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    result = died(worker.end())
                    worker = _Worker(make, threads)
                    workers.append(worker)
                if isinstance(result, _Raised):
                    raise result.error from _RemoteError(result.traceback)
                if worker.take(pending):
                    busy[worker.connection] = worker
                yield index, result
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.end()


@dataclass(frozen=True)
class Collected(Generic[Result]):
    """Results of `collect`.

    Attributes:
        results: results in the order of the items; None for those that were not finished.
        interrupted: whether the run was interrupted by Ctrl-C.
    """

    results: list[Result | None]
    interrupted: bool


def collect(
    work: Callable[[Work], Result],
    items: Sequence[Work],
    *,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
    died: Callable[[int], Result] | None = None,
) -> Collected[Result]:
    """Compute the result of every item, in processes of one thread each.

    The first error ends the run and is raised here. After Ctrl-C, the results so far are returned.

    Args:
        work: function to apply; picklable. Each process keeps its own copy.
        items: items to work on.
        processes: number of processes.
        progress: called with the number of finished items, from 0, and the number of all items.
        died: called with the exit code of a process that died; returns the result of its item. If None, a
            DeadWorkerError is raised instead.

    Returns:
        The results, and whether the run was interrupted.

    Raises:
        DeadWorkerError: if a process died and `died` is None.
    """
    results: list[Result | None] = [None] * len(items)
    finished = run(
        functools.partial(_itself, work), items, processes=processes, threads=1, died=died or _fatal
    )
    tell = progress or (lambda done, total: None)
    try:
        tell(0, len(items))
        for done, (index, result) in enumerate(finished, 1):
            results[index] = result
            tell(done, len(items))
    except signals.Terminated:
        raise
    except KeyboardInterrupt:
        return Collected(results, interrupted=True)
    return Collected(results, interrupted=False)


def _itself(work: Callable[[Work], Result]) -> Callable[[Work], Result]:
    return work


def _fatal(code: int) -> NoReturn:
    raise DeadWorkerError(f"a process {death(code)}")


def death(code: int) -> str:
    """Return a phrase that describes how a process with this exit code ended."""
    if code == -9:
        return "was killed, possibly because memory ran out"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


@dataclass(frozen=True)
class _Raised:
    """An error raised in a worker process."""

    error: Exception
    traceback: str


class _RemoteError(Exception):
    """The cause of an error from a worker process: its traceback there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Worker(Generic[Work, Result]):
    """One process and the pipe to it."""

    def __init__(self, make: Callable[[], Callable[[Work], Result]], threads: int) -> None:
        # A fork of a process with threads (ONNX Runtime, BLAS) can hang, so spawn on all platforms.
        context = multiprocessing.get_context("spawn")
        self.index = -1
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make), daemon=True)
        with environment({name: str(threads) for name in THREADS if name not in os.environ}):
            self.process.start()
        theirs.close()

    def take(self, pending: Iterator[tuple[int, Work]]) -> bool:
        """Send the next item, if there is one; a dead process is noticed when its result is read."""
        for self.index, item in pending:
            with suppress(OSError):
                self.connection.send(item)
            return True
        return False

    def end(self) -> int:
        """Wait for the process to end, kill it if it does not, and return its exit code."""
        self.connection.close()
        self.process.join(GRACE_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        return self.process.exitcode or 0


def _serve(connection: Connection, make: Callable[[], Callable[[Any], Any]]) -> None:
    leaving: list[int] = []

    def leave(number: int, frame: object) -> NoReturn:
        # Exit by exception, so that temporary files are removed.
        leaving.append(128 + number)
        sys.exit(leaving[0])

    # Ctrl-C reaches every process of the terminal; only the parent acts on it, and then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals.handled({signal.SIGTERM: leave}):
            work: Callable[[Any], Any] | None = None
            while True:
                item = connection.recv()
                try:
                    if work is None:
                        work = make()
                    answer = work(item)
                except Exception as error:  # the parent raises it
                    if leaving:
                        raise
                    answer = _Raised(error, traceback.format_exc())
                connection.send(answer)
    except (EOFError, ConnectionError):
        return  # the parent has exited
    except BaseException:
        # Extension modules may replace the SystemExit of `leave` with exceptions of their own.
        if leaving:
            sys.exit(leaving[0])
        raise


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
