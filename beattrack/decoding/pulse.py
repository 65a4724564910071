"""Discard beats without evidence: after a single click, a decoder continues at its tempo through noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# A beat may be placed beside the peak of the activation, so its confidence covers this many frames to each
# side.
CONFIDENCE_REACH = 2

# Music slower than the tempo range is tracked at one of these multiples of its tempo.
SLOWER_BY = (2, 3, 4)
SLOWER_BEATS = 4  # with fewer beats, a few sounds far apart would count as slow music

STRETCH_BEATS = 16

# Passages without rhythm are shorter than this in all but one of 679 annotated songs.
UNSURE_SECONDS = 20.0


def beat_confidence(times: Float64, activations: Activations) -> Float64:
    """Return the highest beat activation within 2 frames of each beat.

    Args:
        times: times of the beats in seconds, shape (beats,).
        activations: activations of the recording.

    Returns:
        Values from 0 to 1, rounded to 4 decimals, shape (beats,).
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
    """Return which beats of a sounding part to keep.

    A beat is sure if its confidence is at least `least`. Stretches of 16 beats of which half are sure are
    kept. Between two stretches, up to 20 s are kept as a passage without rhythm; longer gaps are taken for
    noise or speech between songs. The same applies before the first stretch and after the last one if half
    of all beats are sure. If there is no stretch, or the music is slower than the tempo range, all beats are
    kept or none.

    Args:
        times: times of the beats in seconds, shape (beats,).
        confidence: confidence of each beat, shape (beats,).
        least: a confidence from 0 to 1; 0 keeps all beats.

    Returns:
        Mask of shape (beats,).
    """
    sure = half_are_sure(confidence, least)
    slower = not sure and slower_by(confidence, least) > 0
    believed = _sure_stretches(confidence, least)
    if slower or not believed.any():
        return np.full(len(confidence), sure or slower)
    edges = np.flatnonzero(np.diff(believed, prepend=True, append=True))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):  # of each run that is not in a stretch
        at_end = first == 0 or stop == len(times)
        seconds = times[min(stop, len(times) - 1)] - times[max(first - 1, 0)]
        believed[first:stop] = seconds < UNSURE_SECONDS and (sure or not at_end)
    return believed


def _sure_stretches(confidence: Float64, least: float) -> Mask:
    """Return the beats from the first to the last sure one of every window of which half are sure."""
    believed = np.zeros(len(confidence), dtype=bool)
    if len(confidence) < STRETCH_BEATS:
        return believed
    windows = np.lib.stride_tricks.sliding_window_view(confidence, STRETCH_BEATS)
    for start in np.flatnonzero(np.median(windows, axis=1) >= least):
        sure = start + np.flatnonzero(windows[start] >= least)
        believed[sure[0] : sure[-1] + 1] = True
    return believed


def half_are_sure(confidence: Float64, least: float) -> bool:
    """Return whether at least half of the beats have a confidence of `least`, or there are no beats."""
    return len(confidence) == 0 or bool(np.median(confidence) >= least)


def slower_by(confidence: Float64, least: float) -> int:
    """Return the factor by which the beats are faster than the music.

    Music slower than the tempo range is tracked at a multiple of its tempo, which adds beats without
    confidence. It is recognised by every second, third or fourth beat: more than half of these beats must
    have twice the required confidence.

    Args:
        confidence: confidence of each beat, shape (beats,).
        least: the required confidence, from 0 to 1.

    Returns:
        2, 3 or 4; 0 if no such factor is found.
    """
    for number in SLOWER_BY:
        for first in range(number):
            heard = confidence[first::number]
            if len(heard) >= SLOWER_BEATS and (heard >= 2 * least).mean() > 0.5:
                return number
    return 0
