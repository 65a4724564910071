"""Which beats to believe: from a single click, a decoder goes on at the same tempo through anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The decoder may set a beat beside the activation's peak: its confidence looks this many frames to each side.
CONFIDENCE_REACH = 2

# Of music slower than the tempo range, the beats between two of its own are the decoder's.
SLOWER_BY = (2, 3, 4)
SLOWER_BEATS = 4  # that many at least, or a few sounds far apart would do

STRETCH_BEATS = 16

# A passage of music without rhythm is shorter: of 679 annotated songs, one has a longer one.
UNSURE_SECONDS = 20.0


def beat_confidence(times: Float64, activations: Activations) -> Float64:
    """Return the highest beat activation within 2 frames of each beat.

    Args:
        times: times of the beats in seconds, shape (beats,).
        activations: what they were found in.

    Returns:
        Values in 0 to 1, rounded to 4 decimals, shape (beats,).
    """
    frames = np.rint(np.asarray(times) * activations.fps).astype(np.int64)
    reach = np.arange(-CONFIDENCE_REACH, CONFIDENCE_REACH + 1)
    if not len(activations.beats):
        return np.zeros(len(frames))
    near = (frames[:, None] + reach).clip(0, len(activations.beats) - 1)  # (beats, frames around)
    probabilities: Float64 = np.nan_to_num(activations.beats[near].astype(np.float64), nan=0.0)
    confidence: Float64 = probabilities.max(axis=1).clip(0, 1).round(4)
    return confidence


def believable(times: Float64, confidence: Float64, least: float) -> Mask:
    """Return which beats of one sounding part to believe.

    Beats are sure in stretches: 16 in a row of which half have a confidence of `least`. What lies between two
    stretches is believed too if it is shorter than 20 s, as a passage without rhythm; if it is longer, it is
    noise or talk between songs. The same holds before the first stretch and after the last, if half of all
    beats are sure. Without any stretch all are believed or none, by the same rule.

    Args:
        times: seconds, shape (beats,).
        confidence: confidence of each beat, shape (beats,).
        least: a confidence in 0 to 1; 0 believes everything.

    Returns:
        Mask of shape (beats,).
    """
    sure = half_are_sure(confidence, least)
    believed = _sure_stretches(confidence, least)
    if not believed.any() or (not sure and slower_by(confidence, least)):
        return np.full(len(confidence), sure or slower_by(confidence, least) > 0)
    edges = np.flatnonzero(np.diff(believed, prepend=True, append=True))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):  # of each run that is not believed
        at_end = first == 0 or stop == len(times)
        seconds = times[min(stop, len(times) - 1)] - times[max(first - 1, 0)]
        believed[first:stop] = seconds < UNSURE_SECONDS and (sure or not at_end)
    return believed


def _sure_stretches(confidence: Float64, least: float) -> Mask:
    """Return the beats of all windows of which half are sure, from their first sure beat to their last."""
    believed = np.zeros(len(confidence), dtype=bool)
    if len(confidence) < STRETCH_BEATS:
        return believed
    windows = np.lib.stride_tricks.sliding_window_view(confidence, STRETCH_BEATS)
    for start in np.flatnonzero(np.median(windows, axis=1) >= least):
        sure = start + np.flatnonzero(windows[start] >= least)
        believed[sure[0] : sure[-1] + 1] = True
    return believed


def half_are_sure(confidence: Float64, least: float) -> bool:
    """Tell whether half of the beats have a confidence of `least`, or there are none to doubt."""
    return len(confidence) == 0 or bool(np.median(confidence) >= least)


def slower_by(confidence: Float64, least: float) -> int:
    """Return which part of the beats is heard: 2 if it is every second one, up to 4; 0 if it is none.

    Music slower than the tempo range is tracked at a multiple of its tempo, and if nothing sounds between its
    beats, more than half of all beats are unsure. More than half of its own must have twice the confidence
    asked for.

    Args:
        confidence: confidence of each beat, shape (beats,).
        least: a confidence in 0 to 1.
    """
    for number in SLOWER_BY:
        for first in range(number):
            heard = confidence[first::number]
            if len(heard) >= SLOWER_BEATS and (heard >= 2 * least).mean() > 0.5:
                return number
    return 0
