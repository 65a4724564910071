"""What the online decoder reports: beats, and what it expects to come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OnlineBeat:
    """A beat that was reported.

    Attributes:
        time: time of the beat in seconds from the first frame.
        position: position in the bar, 1 = downbeat; None if bars are not followed.
        bpm: tempo at the beat in beats per minute.
        confidence: probability that there is a beat at this time, from 0 to 1.
        reported: time of the frame at which the beat was reported. It is before `time` if the beat was
            reported ahead; see `OnlineSettings.wait`.
    """

    time: float
    position: int | None
    bpm: float
    confidence: float
    reported: float


@dataclass(frozen=True)
class OnlineState:
    """What the decoder expects after a frame.

    Attributes:
        bpm: tempo in beats per minute; None if no beat is being followed.
        metre: beats per bar; None likewise, or if bars are not followed.
        position: position in the bar of the beat that began last, 1 = downbeat; None likewise.
        phase: share of this beat that has passed, from 0 to 1; 0 if no beat is being followed.
        next_beat: expected time of the next beat in seconds from the first frame; None likewise.
        confidence: probability that tempo and phase are about these.
        metre_confidence: probability of the metre, given that there are beats.
    """

    bpm: float | None
    metre: int | None
    position: int | None
    phase: float
    next_beat: float | None
    confidence: float
    metre_confidence: float


NOTHING = OnlineState(
    bpm=None, metre=None, position=None, phase=0.0, next_beat=None, confidence=0.0, metre_confidence=0.0
)
