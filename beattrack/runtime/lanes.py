"""Apply a function to items in several threads, for work that releases Python's global lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


def in_lanes(do: Callable[[Item], object], items: Iterable[Item], *, threads: int) -> None:
    """Apply a function to every item, in this thread and up to `threads` - 1 others.

    Each thread takes the next item when it has finished one, so the order in which items are finished is not
    fixed. The first error ends the work: items that have begun are finished, then it is raised here.

    Args:
        do: function to apply; it must be safe to call from several threads at once.
        items: what to apply it to; only one thread at a time iterates.
        threads: number of threads; with one, no other is started.
    """
    lanes = _Lanes(do, iter(items))
    # Daemons, because the interpreter would wait for other threads before it exits.
    others = [threading.Thread(target=lanes.run, daemon=True) for _ in range(threads - 1)]
    try:
        for thread in others:
            thread.start()
    except BaseException as error:
        lanes.errors.append(error)  # ends those that have started
        raise
    lanes.run()
    for thread in others:
        thread.join()
    if lanes.errors:  # Ctrl-C counts more than an error that came first
        raise next((error for error in lanes.errors if not isinstance(error, Exception)), lanes.errors[0])


class _Lanes(Generic[Item]):
    def __init__(self, do: Callable[[Item], object], items: Iterator[Item]) -> None:
        self._do, self._items = do, items
        self._lock = threading.Lock()
        self.errors: list[BaseException] = []

    def run(self) -> None:
        """Work on items until there are none left."""
        try:
            while True:
                with self._lock:
                    if self.errors:
                        return
                    item = next(self._items, self)  # self is no item
                if item is self:
                    return
                self._do(item)  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            self.errors.append(error)
