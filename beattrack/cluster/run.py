"""A function applied to many items on a cluster, whose workers may die.

Dask assigns the work of a worker that died to others. If workers keep dying, the chunk comes back as lost:
at once on a local cluster, after `distributed.scheduler.allowed-failures` (3) deaths on others. Its items are
then tried again one by one. The last try of an item has the cluster for itself, so that an item never fails
because of the one beside it.
"""

from __future__ import annotations

import pickle
import platform
import time
import uuid
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError as CancelledFutureError
from contextlib import suppress
from typing import Any, Generic, TypeVar

from beattrack.cluster import worker
from beattrack.cluster.chunks import Chunks
from beattrack.cluster.errors import ClusterError
from beattrack.errors import BeattrackError
from beattrack.version import __version__

Work = TypeVar("Work")
Result = TypeVar("Result")

AHEAD = 2  # chunks that wait at each worker, so that it never waits for the scheduler
POLL_SECONDS = 2.0  # between two looks at the number of workers
PATIENCE_SECONDS = 10.0  # without any worker before the user is told
_LONGEST_REASON = 200


def run(
    client: Any,
    make: Callable[[], Callable[[Work], Result]],
    items: Sequence[Work],
    *,
    weights: Sequence[float],
    retries: int,
    died: Callable[[int], Result],
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[tuple[int, Result]]:
    """Yield the index and result of every item once, in the order in which they are finished.

    Errors raised on a worker are raised here. If the iteration ends early, work that has not begun is
    cancelled; chunks that have begun are finished by their workers, but their results are lost.

    Args:
        client: a `distributed.Client`.
        make: called once in each worker process; returns the function that is applied to the items. It must
            be picklable, like items and results, and the workers must be able to import it.
        items: items to work on.
        weights: expected work of each item in any unit, such as seconds of audio.
        retries: how often an item is tried again after the worker that ran it died.
        died: called with the number of tries that ended in the death of a worker; returns the result of the
            item.
        tell: called with sentences for the user.

    Raises:
        ClusterError: if the scheduler is lost, or if the workers cannot do the work.
    """
    yield from _Run(client, make, items, weights, retries, died, tell)


class _Run(Generic[Work, Result]):
    """The state of one run."""

    def __init__(
        self,
        client: Any,
        make: Callable[[], Callable[[Work], Result]],
        items: Sequence[Work],
        weights: Sequence[float],
        retries: int,
        died: Callable[[int], Result],
        tell: Callable[[str], None],
    ) -> None:
        self._client, self._items, self._died, self._tell = client, items, died, tell
        self._make = pickle.dumps(make)
        self._retries = retries
        self._chunks = Chunks(weights)
        self._again: deque[int] = deque()  # items whose worker died
        self._alone: deque[int] = deque()  # those of them that have one try left
        self._lost: dict[int, int] = {}  # tries of an item that ended in a death
        self._sent: dict[Any, list[int]] = {}  # futures and their items
        self._name, self._count = f"beattrack-{uuid.uuid4().hex[:12]}", 0
        self._workers, self._looked = 0, -POLL_SECONDS
        self._warned = False

    def __iter__(self) -> Iterator[tuple[int, Result]]:
        from distributed import as_completed

        finished: Any = as_completed([], loop=self._client.loop)  # type: ignore[no-untyped-call]
        try:
            self._await_workers()
            self._fill(finished)
            while self._sent:
                batch = finished.next_batch()
                answers = self._answers(batch)
                chunks = [self._sent.pop(future) for future in batch]
                del batch  # its results are here, so no worker needs to keep them
                for chunk, answer in zip(chunks, answers, strict=True):
                    yield from self._outcomes(chunk, answer)
                self._fill(finished)
        finally:
            # A client that was closed meanwhile has no event loop left to answer: cancelling could hang.
            if self._sent and self._client.status != "closed":
                self._client.cancel(list(self._sent), force=True)

    def _fill(self, finished: Any) -> None:
        """Send chunks until every worker has enough."""
        while len(self._sent) < (1 + AHEAD) * max(self._count_workers(), 1):
            chunk = self._next()
            if not chunk:
                return
            self._count += 1
            future = self._client.submit(
                worker.work,
                __version__,
                self._make,
                pickle.dumps([self._items[index] for index in chunk]),
                key=f"{self._name}-{self._count}",
                pure=False,
                priority=-self._count,
            )
            self._sent[future] = chunk
            finished.add(future)

    def _next(self) -> list[int]:
        if self._again:
            return [self._again.popleft()]
        if self._chunks:
            return self._chunks.take(self._workers)
        if self._alone and not self._sent:
            return [self._alone.popleft()]
        return []

    def _answers(self, futures: list[Any]) -> list[Any]:
        """Return the replies of finished chunks, or the errors in their place.

        They are not asked for before a chunk is finished, as `as_completed` can: it never returns a future
        whose result cannot be fetched. A chunk whose worker has died since is computed again.
        """
        with suppress(Exception, CancelledError):
            return list(self._client.gather(futures))  # one message for all
        answers = []
        for future in futures:
            try:
                answers.append(future.result())
            except (Exception, CancelledError) as error:  # noqa: BLE001 - explained by `_outcomes`
                answers.append(error)
        return answers

    def _outcomes(self, chunk: list[int], answer: Any) -> Iterator[tuple[int, Result]]:
        from distributed import KilledWorker

        if isinstance(answer, worker.Reply):
            self._chunks.finished(chunk, answer.seconds)
            self._compare(answer.python)
            yield from zip(chunk, answer.results, strict=True)
            return
        if not isinstance(answer, KilledWorker):
            raise _explained(answer) from answer
        for index in chunk:
            self._lost[index] = tries = self._lost.get(index, 0) + 1
            if tries > self._retries:
                yield index, self._died(tries)
            else:
                (self._alone if tries == self._retries else self._again).append(index)

    def _count_workers(self) -> int:
        """Return the number of workers, which may come and go; it is asked for every few seconds."""
        if time.monotonic() > self._looked + POLL_SECONDS:
            self._workers = len(self._threads())
            self._looked = time.monotonic()
        return self._workers

    def _threads(self) -> dict[str, int]:
        """Return the number of threads of each worker."""
        try:
            return dict(self._client.nthreads())
        except Exception as error:  # Dask has no common class of errors
            raise _explained(error) from error

    def _await_workers(self) -> None:
        start, told = time.monotonic(), False
        while not self._count_workers():
            if not told and time.monotonic() > start + PATIENCE_SECONDS:
                told = True
                self._tell("the scheduler has no workers yet; waiting for the first one")
            time.sleep(0.1)
        several = [count for count in self._threads().values() if count > 1]
        if several:
            self._tell(
                f"a worker process with {several[0]} threads still tracks one song at a time; "
                "start the workers with --nthreads 1, one process per core"
            )

    def _compare(self, python: str) -> None:
        mine = platform.python_version()
        if not self._warned and python.split(".")[:2] != mine.split(".")[:2]:
            self._warned = True
            self._tell(f"warning: the workers have Python {python}, but this is {mine}; use the same version")


def _explained(error: BaseException) -> Exception:
    """Return an error of the run for an error of Dask or of a worker."""
    if isinstance(error, ModuleNotFoundError):
        return ClusterError(f"a worker lacks a package ({error}); install beattrack in its environment")
    if isinstance(error, CancelledError | CancelledFutureError | OSError):
        return ClusterError("the connection to the scheduler was lost, or the work was cancelled there")
    if isinstance(error, BeattrackError):
        return error
    text = " ".join(str(error).split())[:_LONGEST_REASON]
    return ClusterError(f"the cluster could not do the work ({type(error).__name__}: {text})")
