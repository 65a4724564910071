"""The observation model: log-densities of the activations of a frame, on and off the beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations, Float
from beattrack.decoding.base import probabilities

Float64 = NDArray[np.float64]

# Log-density of a beat if its activation is exactly 0: below that of any positive number, yet finite, so that
# a path always exists.
_LOG_ZERO = -1000.0

_LEAST_SCORE = -10.0

# Probability of "no beat" if the activation is exactly 1: below 1 - x for any other x.
_LEAST_REMAINDER = 2.0**-60


@dataclass(frozen=True)
class Window:
    """Frames among which exactly one beat must begin, because of an anchor.

    Attributes:
        start: first frame.
        stop: frame after the last; at most the shortest beat interval after the first, so that not more than
            one beat can begin in the window.
        position: position of that beat in its bar, from 1; None for any.
    """

    start: int
    stop: int
    position: int | None = None


@dataclass(frozen=True, eq=False)
class Observation:
    """Log-densities of the frames, relative to "no beat", and what is known of the beats.

    Attributes:
        base: sum over all frames of the log-density of "no beat", to which the scores of a path are added.
        scores: log-density of a beat minus that of "no beat", shape (classes, frames), with the classes of
            `beat_classes`.
        windows: windows in ascending order without overlap; paths without a beat in each are impossible.
    """

    base: float
    scores: Float64
    windows: tuple[Window, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.scores.shape[1])

    def weighted(self, weight: float) -> Observation:
        """Return the observation with all log-densities multiplied by a weight from 0 to 1.

        With a weight below 1, scores below -10 count as -10, because a single activation of 0 would otherwise
        outweigh all others.
        """
        if weight == 1:
            return self
        return replace(self, base=self.base * weight, scores=np.maximum(self.scores, _LEAST_SCORE) * weight)


def beat_classes(activations: Activations) -> Float:
    """Return the probabilities of beats, or of downbeats and other beats, shape (classes, frames)."""
    beats = probabilities(activations.beats)
    if activations.downbeats is None:
        return beats[None]
    downbeats = probabilities(activations.downbeats)
    return np.stack([downbeats, np.maximum(beats - downbeats, 0)])


def active_frames(classes: Float, threshold: float, windows: Sequence[Window] = ()) -> slice:
    """Return the frames from the first to the last one that is in a window or at which a class is probable.

    Args:
        classes: probabilities, shape (classes, frames).
        threshold: the probability that a class must reach; 0 selects all frames.
        windows: windows in ascending order.

    Returns:
        A slice of frames; empty if there is no window and only frame 0 reaches the threshold, as in madmom.
    """
    if threshold == 0:
        return slice(0, classes.shape[1])
    reached = np.flatnonzero((classes >= float(threshold)).any(axis=0))
    active = slice(int(reached[0]), int(reached[-1]) + 1) if reached.any() else slice(0, 0)
    if not windows:
        return active
    first, stop = windows[0].start, windows[-1].stop
    if active.stop == 0:
        return slice(first, stop)
    return slice(min(active.start, first), max(active.stop, stop))


def observe(classes: Float, observation_lambda: float, windows: Sequence[Window] = ()) -> Observation:
    """Compute the log-densities of all frames.

    The density of a class is its probability, and that of "no beat" (1 - their sum) / (observation_lambda -
    1). Logarithms are computed in the precision of the input, as in madmom.

    Args:
        classes: probabilities from 0 to 1 that add up to at most 1, shape (classes, frames).
        observation_lambda: reciprocal of the share of a beat in which its activation should be high.
        windows: see `Observation`.

    Returns:
        The log-densities.

    Source: Böck, Krebs, Widmer (ISMIR 2014 and 2016).
    """
    remainder = np.maximum(1.0 - classes.sum(axis=0), _LEAST_REMAINDER)
    no_beat = np.log(remainder / (observation_lambda - 1)).astype(np.float64)  # (frames,)
    beat = np.full_like(classes, _LOG_ZERO)
    np.log(classes, out=beat, where=classes > 0)
    scores = beat.astype(np.float64) - no_beat
    return Observation(base=float(no_beat.sum()), scores=scores, windows=tuple(windows))


def region_sums(scores: Float64, start: int, stop: int, longest: int) -> Float64:
    """Compute the sums of up to `longest` consecutive scores.

    Args:
        scores: scores of the frames, shape (classes, frames); frames outside the input count as 0.
        start: first frame at which a sum starts; may be negative.
        stop: end of these frames; may be beyond the end of the input.
        longest: number of scores in the longest sum.

    Returns:
        Sums of shape (classes, longest + 1, stop - start): [c, k, f] is the sum of the `k` scores of class c
        from frame start + f on.
    """
    classes, frames = scores.shape
    padded = np.zeros((classes, stop - start + longest))
    first, last = max(start, 0), min(stop + longest, frames)
    if first < last:
        padded[:, first - start : last - start] = scores[:, first:last]
    sums = np.zeros((classes, longest + 1, stop - start))
    for length in range(1, longest + 1):
        np.add(sums[:, length - 1], padded[:, length - 1 : length - 1 + stop - start], out=sums[:, length])
    return sums
