"""What live outputs are told: beats as they are reported, and the state after every chunk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from beattrack.decoding.online import OnlineBeat, OnlineState


class HasState(Protocol):
    """A tracker or decoder."""

    @property
    def state(self) -> OnlineState:
        """What is known after the last chunk."""


@dataclass(frozen=True)
class Moment:
    """The moment after a chunk.

    Attributes:
        tracker: what knows the state.
        seconds: duration of the stream so far.
        offset: the clock's time at which the stream began; added to a time of the stream, it is the clock's
            time at which that moment was, or will be, heard.
    """

    tracker: HasState
    seconds: float
    offset: float

    @property
    def state(self) -> OnlineState:
        """What the decoder knows; computed when asked for, as few outputs need it after every chunk."""
        return self.tracker.state


class Output(Protocol):
    """A receiver of beats; none of its methods may wait."""

    def beat(self, beat: OnlineBeat) -> None:
        """Take a beat that was just reported."""

    def update(self, moment: Moment) -> None:
        """Take the state after a chunk."""

    def close(self) -> None:
        """End the output."""


class StreamClock:
    """When a stream began, by the clock, from the times at which its chunks come.

    Chunks may come late but never early, so the earliest of the last seconds is right. As older ones are
    forgotten, a sound card's drift, and a gap in the stream, are followed.
    """

    MEMORY = 2.0  # seconds

    def __init__(self) -> None:
        self._candidates: deque[tuple[float, float]] = deque()  # (time, offset), offsets ascending

    def update(self, now: float, heard: float) -> float:
        """Return the clock's time at the start of the stream.

        Args:
            now: time by the clock, at which a chunk came.
            heard: duration of the stream with that chunk.
        """
        offset = now - heard
        while self._candidates and self._candidates[-1][1] >= offset:
            self._candidates.pop()
        self._candidates.append((now, offset))
        while self._candidates[0][0] < now - self.MEMORY:
            self._candidates.popleft()
        return self._candidates[0][1]
