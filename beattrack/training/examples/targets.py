"""Training targets: what the heads should give, and where they are not judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets.songs import Trust

Float = NDArray[np.float32]

NEIGHBOUR = 0.5  # target one frame beside a beat (Böck & Davies, ISMIR 2020)
UNJUDGED = 3  # frames to either side of what may be a beat that are not judged
TEMPO_SPREAD = (1.0, 0.5, 0.25)  # target of the tempo's own bin and of those 1 and 2 BPM away
DOWNBEAT_WEIGHT: dict[Trust, float] = {"yes": 1.0, "est": 0.5, "no": 0.0}


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Targets and weights for one input.

    beats, downbeats: (frames,) 1 at the event's frame, 0.5 beside it.
    beat_weight, downbeat_weight: (frames,) 0 where nothing is known.
    bpm: tempo of the excerpt, 0 where unknown.
    """

    beats: Float
    downbeats: Float
    beat_weight: Float
    downbeat_weight: Float
    bpm: float


def make_targets(
    *,
    beats: NDArray[np.float64],
    positions: NDArray[np.int64],
    trust: Trust,
    frames: int,
    fps: float,
    unjudged: NDArray[np.float64] | None = None,
) -> Targets:
    """Make targets from beats in fractional frames.

    unjudged: further times, in fractional frames, that may be beats; the tempo is not judged then.
    Frames from about one beat before the first annotated beat, or after the last one, are not judged: whether
    the pulse goes on there is unknown.
    """
    inside = (beats > -1) & (beats < frames)
    weight = np.zeros(frames, np.float32)
    if len(beats) > 1:
        interval = float(np.median(np.diff(beats)))
        first, last = round(beats[0] - interval), round(beats[-1] + interval)
        weight[max(first + UNJUDGED + 1, 0) : max(last - UNJUDGED, 0)] = 1.0
    if unjudged is not None:
        near = np.floor(unjudged + 0.5).astype(np.int64)[:, None] + np.arange(-UNJUDGED, UNJUDGED + 1)
        weight[near[(near >= 0) & (near < frames)]] = 0.0
    known = unjudged is None and inside.sum() > 2
    return Targets(
        beats=mark(beats[inside], frames),
        downbeats=mark(beats[inside & (positions == 1)], frames),
        beat_weight=weight,
        downbeat_weight=weight * np.float32(DOWNBEAT_WEIGHT[trust]),
        bpm=60.0 * fps / float(np.median(np.diff(beats[inside]))) if known else 0.0,
    )


def mark(events: NDArray[np.float64], frames: int) -> Float:
    """Mark events, in fractional frames, in an array of (frames,)."""
    target = np.zeros(frames, np.float32)
    nearest = np.floor(events + 0.5).astype(np.int64)
    for offset, value in ((-1, NEIGHBOUR), (1, NEIGHBOUR), (0, 1.0)):
        index = nearest + offset
        target[index[(index >= 0) & (index < frames)]] = value
    return target


def tempo_distribution(bpm: float, bins: int) -> Float:
    """A distribution over whole BPM, (bins,), around `bpm`; zeros where it is unknown or out of range."""
    target = np.zeros(bins, np.float32)
    nearest = round(bpm)
    if 0 < nearest < bins:
        for offset in range(-2, 3):
            if 0 <= nearest + offset < bins:
                target[nearest + offset] = TEMPO_SPREAD[abs(offset)]
        target /= target.sum()
    return target
