"""Track a live source and notify the outputs, until the source ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from numpy.typing import ArrayLike

from beattrack.decoding.online import OnlineBeat
from beattrack.errors import AudioError
from beattrack.live.output import HasState, Moment, Output, StreamClock
from beattrack.live.source import LiveSource


class Tracker(HasState, Protocol):
    """The tracker of a stream; see `beattrack.streaming.StreamTracker`."""

    @property
    def seconds(self) -> float:
        """Duration of the stream so far."""

    def process(self, chunk: ArrayLike) -> list[OnlineBeat]:
        """Track the next samples."""

    def finish(self) -> list[OnlineBeat]:
        """Track what remains at the end."""


def run(
    source: LiveSource,
    tracker: Tracker,
    outputs: Sequence[Output],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Track a source to its end.

    Args:
        source: the stream.
        tracker: tracker for the source's sample rate and channels.
        outputs: receivers of beats and states; they are not closed.
        clock: returns the time in seconds.

    Raises:
        AudioError: if the source fails. What came before has been tracked and told.
    """
    stream_clock = StreamClock()
    try:
        for chunk in source.chunks:
            arrived = clock()
            beats = tracker.process(chunk)
            began = stream_clock.update(arrived, tracker.seconds) - source.latency
            _tell(outputs, beats, Moment(tracker, tracker.seconds, began))
    except AudioError:
        _end(tracker, outputs)
        raise
    _end(tracker, outputs)


def _tell(outputs: Sequence[Output], beats: Sequence[OnlineBeat], moment: Moment) -> None:
    for beat in beats:
        for output in outputs:
            output.beat(beat)
    for output in outputs:
        output.update(moment)


def _end(tracker: Tracker, outputs: Sequence[Output]) -> None:
    for beat in tracker.finish():
        for output in outputs:
            output.beat(beat)
