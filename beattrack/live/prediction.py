"""The beats to come, by the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from beattrack.live.output import Moment


@dataclass(frozen=True)
class Prediction:
    """Equally spaced beats to come.

    Attributes:
        time: time of one of them by the clock, in seconds.
        period: seconds from one to the next.
        position: position in the bar of the beat at `time`, 1 for a downbeat; None if unknown.
        metre: beats per bar; None if unknown.
        confidence: probability that there are such beats, from 0 to 1.
    """

    time: float
    period: float
    position: int | None = None
    metre: int | None = None
    confidence: float = 1.0

    @classmethod
    def at(cls, moment: Moment) -> Prediction | None:
        """Return the prediction at a moment; None while there is no beat to follow."""
        state = moment.state
        if state.next_beat is None or not state.bpm:
            return None
        known = state.position is not None and state.metre is not None
        position = state.position % state.metre + 1 if known else None  # type: ignore[operator]
        time = moment.offset + state.next_beat
        return cls(time, 60.0 / state.bpm, position, state.metre, state.confidence)

    def from_time(self, time: float) -> Prediction:
        """Return the same beats, described by the first one at `time` or later."""
        return self._shifted(math.ceil((time - self.time) / self.period - 1e-9))

    def nearest(self, time: float) -> Prediction:
        """Return the same beats, described by the one nearest to `time`."""
        return self._shifted(round((time - self.time) / self.period))

    def downbeat(self) -> Prediction:
        """Return the same beats, described by the first downbeat at `time` or later; any beat if unknown."""
        if self.position is None or self.metre is None:
            return self
        return self._shifted((1 - self.position) % self.metre)

    def _shifted(self, beats: int) -> Prediction:
        known = self.position is not None and self.metre is not None
        position = (self.position - 1 + beats) % self.metre + 1 if known else None  # type: ignore[operator]
        return replace(self, time=self.time + beats * self.period, position=position)
