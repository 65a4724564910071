"""Training targets of the heads, and weights of frames, which are 0 if their label is unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets.songs import Trust

Float = NDArray[np.float32]

NEIGHBOUR = 0.5  # target one frame before and after a beat (Böck & Davies, ISMIR 2020)
UNJUDGED = 3  # frames ignored on both sides of a possible beat
TEMPO_SPREAD = (1.0, 0.5, 0.25)  # relative targets of the tempo's bin and the bins 1 and 2 BPM away
DOWNBEAT_WEIGHT: dict[Trust, float] = {"yes": 1.0, "est": 0.5, "no": 0.0}


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Targets and weights of one crop.

    Attributes:
        beats: 1 at the frames of beats, 0.5 one frame before and after, shape (frames,).
        downbeats: the same for downbeats.
        beat_weight: weight of each frame in the beat loss, 0 if unknown, shape (frames,).
        downbeat_weight: weight of each frame in the downbeat loss, shape (frames,).
        bpm: tempo of the crop, 0 if unknown.
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
    """Compute the targets of a crop.

    Frames more than about one beat before the first or after the last annotated beat have a weight of 0,
    because the pulse may continue there.

    Args:
        beats: beat times in fractional frames, shape (beats,).
        positions: positions in the bar, 1 = downbeat, shape (beats,).
        trust: whether the downbeats can be trusted.
        frames: frames in the crop.
        fps: frames per second.
        unjudged: times of possible beats, in fractional frames, that are ignored; the tempo then is ignored
            too. None if there are none.
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
    """Compute the target of events.

    Args:
        events: times in fractional frames, shape (events,).
        frames: frames in the crop.

    Returns:
        Target of shape (frames,): 1 at the frames of events, 0.5 one frame before and after.
    """
    target = np.zeros(frames, np.float32)
    nearest = np.floor(events + 0.5).astype(np.int64)
    for offset, value in ((-1, NEIGHBOUR), (1, NEIGHBOUR), (0, 1.0)):
        index = nearest + offset
        target[index[(index >= 0) & (index < frames)]] = value
    return target


def tempo_distribution(bpm: float, bins: int) -> Float:
    """Compute the target distribution of the tempo.

    Args:
        bpm: tempo, 0 if unknown.
        bins: number of bins, one per BPM from 0.

    Returns:
        Distribution of shape (bins,); zeros if the tempo is unknown or out of range.
    """
    target = np.zeros(bins, np.float32)
    nearest = round(bpm)
    if 0 < nearest < bins:
        for offset in range(-2, 3):
            if 0 <= nearest + offset < bins:
                target[nearest + offset] = TEMPO_SPREAD[abs(offset)]
        target /= target.sum()
    return target
