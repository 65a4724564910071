"""What a live source is, and how a source that is faster than real time is slowed down to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from beattrack.audio.base import Piece

HOP_SECONDS = 0.01  # length of the chunks that a source with all samples at hand is cut into


@dataclass(frozen=True)
class LiveSource:
    """Audio that comes in chunks.

    Attributes:
        name: name for messages.
        sample_rate: sample rate in Hz.
        channels: number of channels.
        chunks: samples as stored, each of shape (samples, channels), valid until the next is asked for.
        latency: seconds from a sound to the moment when its samples come, as far as known.
        recorded: whether it is a recording, which comes as fast as it is read, and which nobody hears.
    """

    name: str
    sample_rate: float
    channels: int
    chunks: Iterator[Piece]
    latency: float = 0.0
    recorded: bool = False

    def in_hops(self) -> LiveSource:
        """Return the same source in chunks of 10 ms."""
        hop = max(round(self.sample_rate * HOP_SECONDS), 1)
        parts = (piece[i : i + hop] for piece in self.chunks for i in range(0, len(piece), hop))
        return replace(self, chunks=parts)

    def in_real_time(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> LiveSource:
        """Return the same source in chunks of 10 ms that come when they would be heard in real time."""
        hops = self.in_hops()
        return replace(hops, chunks=_paced(hops, clock, sleep))


def _paced(source: LiveSource, clock: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[Piece]:
    start, samples = clock(), 0
    for chunk in source.chunks:
        samples += len(chunk)
        wait = start + samples / source.sample_rate - clock()
        if wait > 0:
            sleep(wait)
        yield chunk
