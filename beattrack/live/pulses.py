"""The pulses of a MIDI clock: 24 per beat, led smoothly to the predicted beats."""

from __future__ import annotations

from typing import Literal, TypeAlias

from beattrack.live.prediction import Prediction

START_CONFIDENCE = 0.5  # of the prediction that starts the clock; then it follows any, so as not to stutter
PULSES = 24  # per quarter note, which is a beat here
MOST_BENT = 1.5  # the clock runs at most this much faster or slower than the tempo while it catches up
LATE = 0.03  # seconds; the clock may still start this long after a downbeat
EARLY = 1e-6  # seconds; rounding of times

Message: TypeAlias = Literal["start", "clock", "stop"]


class PulseTrain:
    """Decide when to send which message; times are those of any clock, in seconds.

    The clock starts at a downbeat, so that the bars of a sequencer are those of the music, or at any beat
    while the metre is unknown. It stops when there is no beat to follow any more.
    """

    def __init__(self) -> None:
        self._prediction: Prediction | None = None
        self._sent: int | None = None  # index in its beat of the last pulse; None if stopped
        self._last = 0.0  # time of that pulse
        self._next: float | None = None

    @property
    def next(self) -> float | None:
        """Time of the next message; None if there is none."""
        return self._next

    def follow(self, prediction: Prediction | None, now: float) -> None:
        """Follow another prediction from now on."""
        self._prediction = prediction
        self._plan(now)

    def due(self, now: float) -> list[Message]:
        """Return the messages to send at a time, in order; empty if it is too early for the next."""
        messages: list[Message] = []
        if self._prediction is None:
            if self._sent is not None:
                self._sent = None
                messages.append("stop")
            return messages
        # After a time when nothing was sent, late pulses follow at once: a sequencer counts them.
        while self._next is not None and self._next <= now + EARLY:
            if self._sent is None:
                messages.append("start")
            self._sent = 0 if self._sent is None else (self._sent + 1) % PULSES
            self._last = self._next
            messages.append("clock")
            self._plan(now)
        return messages

    def _plan(self, now: float) -> None:
        """Set the time of the next pulse."""
        if self._prediction is None or (
            self._sent is None and self._prediction.confidence < START_CONFIDENCE
        ):
            self._next = None
        elif self._sent is None:
            self._next = self._prediction.from_time(now - LATE).downbeat().time
        else:
            left = PULSES - self._sent  # pulses until that of the next beat
            even = self._prediction.period / PULSES
            target = self._prediction.nearest(self._last + left * even).time
            wanted = (target - self._last) / left
            self._next = self._last + min(max(wanted, even / MOST_BENT), even * MOST_BENT)
