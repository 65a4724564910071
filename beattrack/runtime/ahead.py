"""Run an iterator in a thread, ahead of its reader, so that both use a core of their own.

The libraries that decode, resample and transform audio release Python's global lock while they compute.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

Item = TypeVar("Item")

_here = threading.local()  # the `Ahead` whose thread this is


@dataclass(frozen=True)
class _Action:
    """Something that the reader does before it gets the next item."""

    do: Callable[[], object]


@dataclass(frozen=True)
class _End:
    """The end of the items, with the error that ended them, if any."""

    error: BaseException | None


def for_reader(do: Callable[[], object]) -> None:
    """Call a function in the thread that reads the results, at this point of the results.

    Warnings are given in this way, because Python collects them for the whole process: a thread that is ahead
    would give them outside the block that collects them.

    Args:
        do: called at once, unless this thread runs an iterator of `Ahead`.
    """
    ahead: Ahead[Any] | None = getattr(_here, "ahead", None)
    if ahead is None:
        do()
    else:
        ahead.results.put(_Action(do))


class Ahead(Generic[Item]):
    """Iterator over the items of another one, which a thread computes ahead of its reader.

    Errors are raised at the item at which they occurred. Close it, or use it as a context manager, so that
    the thread ends if not all items are read.

    Args:
        items: what to iterate over. Generators are closed by the thread.
        limit: largest number of items that wait for the reader.

    Attributes:
        results: what the reader has not taken yet.
    """

    def __init__(self, items: Iterable[Item], *, limit: int) -> None:
        self.results: queue.SimpleQueue[Item | _Action | _End] = queue.SimpleQueue()
        self._room = threading.Semaphore(limit)
        self._stopped = False
        self._over = False
        # A daemon, because the interpreter would wait for any other thread before it exits.
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        while not self._over:
            result = self.results.get()
            if isinstance(result, _Action):
                for_reader(result.do)
            elif isinstance(result, _End):
                self._over = True
                self._thread.join()
                if result.error is not None:
                    raise result.error
            else:
                self._room.release()
                return result
        raise StopIteration

    def __enter__(self) -> Ahead[Item]:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread at its next item, and wait until it has ended."""
        self._stopped = self._over = True
        self._room.release()
        self._thread.join()

    def _run(self, items: Iterable[Item]) -> None:
        _here.ahead = self
        error: BaseException | None = None
        try:
            iterator = iter(items)
            try:
                while not self._stopped:
                    self._room.acquire()
                    item = next(iterator, self)  # self is no item
                    if item is self:
                        break
                    self.results.put(cast("Item", item))
            finally:
                close = getattr(iterator, "close", None)
                if close is not None:
                    close()
        except BaseException as raised:  # noqa: BLE001 - the reader raises it
            error = raised
        self.results.put(_End(error))


def ahead(items: Iterable[Item], *, limit: int, threads: int) -> Generator[Item, None, None]:
    """Iterate over items that a thread computes ahead, if there is more than one thread to use.

    Args:
        items: what to iterate over.
        limit: largest number of items that wait for the reader.
        threads: number of threads that may be used; with one, the items are computed when asked for.

    Yields:
        The items.
    """
    if threads < 2:
        yield from items
        return
    with Ahead(items, limit=limit) as results:
        yield from results
