"""The order and size of the chunks of items that are sent to the workers.

A chunk is one message to the scheduler, so it should last much longer than a message takes. It should also be
short enough that no worker is busy for long when all others have finished. Items are therefore sent longest
first, in chunks of `CHUNK_SECONDS` of work, and in smaller ones near the end.
"""

from __future__ import annotations

from collections.abc import Sequence

CHUNK_SECONDS = 5.0  # of work; a message takes a few milliseconds
MOST_ITEMS = 10_000  # in a chunk, which is sent as one message
TAIL = 2  # at the end, each worker has this many chunks still to come
_LEAST = 1e-3  # an item of unknown weight is not free


class Chunks:
    """Items that wait for a worker, the heaviest first.

    Args:
        weights: expected work of each item in any unit, such as the seconds of audio.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = [max(weight, _LEAST) for weight in weights]
        # Reversed, because items are taken from the end of the list.
        self._order = sorted(range(len(weights)), key=lambda index: (-self._weights[index], index))[::-1]
        self._left = sum(self._weights)
        self._done = self._seconds = 0.0

    def __bool__(self) -> bool:
        return bool(self._order)

    def take(self, workers: int) -> list[int]:
        """Return the indices of the next chunk; at least one item is left.

        Args:
            workers: number of workers that share the remaining items.
        """
        speed = self._done / self._seconds if self._seconds > 0 else 0.0
        limit = min(speed * CHUNK_SECONDS, self._left / (TAIL * max(workers, 1)))
        chunk = [self._order.pop()]
        weight = self._weights[chunk[0]]
        while self._order and len(chunk) < MOST_ITEMS and weight + self._weights[self._order[-1]] <= limit:
            chunk.append(self._order.pop())
            weight += self._weights[chunk[-1]]
        self._left = max(self._left - weight, 0.0)
        return chunk

    def finished(self, chunk: Sequence[int], seconds: float) -> None:
        """Learn the speed of a worker from the `seconds` that it took for a chunk."""
        self._done += sum(self._weights[index] for index in chunk)
        self._seconds += seconds
