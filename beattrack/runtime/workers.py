"""The same work over many items, here or in several processes, of which any may die.

Unlike an executor's, the death of one process costs the item it was at and nothing else. `run` hands over
each result as it is finished, `collect` all of them at the end.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NoReturn, TypeVar

from beattrack.errors import BeattrackError

Work = TypeVar("Work")
Result = TypeVar("Result")

GRACE_SECONDS = 3.0  # to end in, before a process is killed: the longest computation that signals wait for
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class DeadWorkerError(BeattrackError):
    """A process was killed or crashed, and its item cannot be done without."""


def run(
    make: Callable[[], Callable[[Work], Result]],
    items: Sequence[Work],
    *,
    processes: int,
    threads: int,
    died: Callable[[int], Result],
) -> Iterator[tuple[int, Result]]:
    """Give index and result of every item, as they are finished.

    make: called once in each process, gives what does the work; picklable, as are items and results. With one
    process or one item, all is done in this process.
    threads: of the numerical libraries in each process. died: makes the result of an item whose process ended
    from its exit code, or raises. An error that `make` or the work raises there is raised here.
    When the iteration ends, also by an error or Ctrl-C, all processes end.
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
    """results: in the order of the items, None for those that were not finished. interrupted: by Ctrl-C."""

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
    """Apply `work` to every item, each process on one thread, and keep what is finished when interrupted.

    work: picklable; each process has its own copy and keeps it.
    progress: called with the number of items that are finished, from 0, and of all.
    died: makes the result of an item whose process ended from its exit code; None ends the run with a
    DeadWorkerError. The first error ends the run and is raised here.
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
    except KeyboardInterrupt:
        return Collected(results, interrupted=True)
    return Collected(results, interrupted=False)


def _itself(work: Callable[[Work], Result]) -> Callable[[Work], Result]:
    return work


def _fatal(code: int) -> NoReturn:
    raise DeadWorkerError(f"a process {death(code)}")


def death(code: int) -> str:
    """Say how a process of that exit code ended."""
    if code == -9:
        return "was killed, maybe for want of memory"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


@dataclass(frozen=True)
class _Raised:
    """An error on its way from another process."""

    error: Exception
    traceback: str


class _RemoteError(Exception):
    """Shows, as the cause of an error, where in the other process it arose."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Worker(Generic[Work, Result]):
    """One process and the pipe to it."""

    def __init__(self, make: Callable[[], Callable[[Work], Result]], threads: int) -> None:
        # Spawned, as on every platform: a forked copy of one with threads (ONNX Runtime, BLAS) can hang.
        context = multiprocessing.get_context("spawn")
        self.index = -1
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make), daemon=True)
        with _environment(threads):
            self.process.start()
        theirs.close()

    def take(self, pending: Iterator[tuple[int, Work]]) -> bool:
        """Send the next item, if there is one; a process that is dead already shows when it is read from."""
        for self.index, item in pending:
            with suppress(OSError):
                self.connection.send(item)
            return True
        return False

    def end(self) -> int:
        """Wait for the process to end, kill it if it does not, and give its exit code."""
        self.connection.close()
        self.process.join(GRACE_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        return self.process.exitcode or 0


def _serve(connection: Connection, make: Callable[[], Callable[[Any], Any]]) -> None:
    leaving: list[int] = []

    def leave(number: int, frame: object) -> NoReturn:
        # An exception, so that temporary files are removed on the way out.
        leaving.append(128 + number)
        sys.exit(leaving[0])

    # Ctrl-C reaches every process of the terminal; the parent alone acts on it, and then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    try:
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
        return  # the parent has gone
    except BaseException:
        # Extension modules turn the exception of `leave` into others of their own.
        if leaving:
            sys.exit(leaving[0])
        raise


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Set the number of threads for processes that start meanwhile, where the user has not."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(threads)))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
