"""How probable the activations of a frame are, on a beat and off it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations, Float
from beattrack.decoding.base import probabilities

Float64 = NDArray[np.float64]

# Log-density of a beat where its activation is exactly 0: below that of any positive number, yet finite, so
# that a path always exists.
_LOG_ZERO = -1000.0

# The least probability of "no beat", where the activation is exactly 1: below 1 - x for any other x.
_LEAST_REMAINDER = 2.0**-60


@dataclass(frozen=True, eq=False)
class Observation:
    """Log-densities of the frames, relative to there being no beat.

    base: sum over all frames of the log-density of no beat; any path's log-probability starts from it.
    scores: (classes, frames) log-density of a beat minus that of no beat; the classes are those of
        `beat_classes`.
    """

    base: float
    scores: Float64

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.scores.shape[1])


def beat_classes(activations: Activations) -> Float:
    """Probabilities (classes, frames) of beats alone, or of downbeats and of the beats that are none."""
    beats = probabilities(activations.beats)
    if activations.downbeats is None:
        return beats[None]
    downbeats = probabilities(activations.downbeats)
    return np.stack([downbeats, np.maximum(beats - downbeats, 0)])


def active_frames(classes: Float, threshold: float) -> slice:
    """Frames from the first to the last one at which some class reaches `threshold`, all where it is 0.

    classes: (classes, frames). As in madmom, nothing is left where the first frame is the only one.
    """
    if threshold == 0:
        return slice(0, classes.shape[1])
    reached = np.flatnonzero((classes >= float(threshold)).any(axis=0))
    if not reached.any():
        return slice(0, 0)
    return slice(int(reached[0]), int(reached[-1]) + 1)


def observe(classes: Float, observation_lambda: float) -> Observation:
    """Log-densities of `classes` (classes, frames), each within 0 to 1 and together at most 1.

    On a beat the density is the class's probability, off it (1 - their sum) / (observation_lambda - 1): Böck,
    Krebs, Widmer (ISMIR 2014, 2016). Logarithms are taken in the input's precision, as madmom takes them.
    """
    remainder = np.maximum(1.0 - classes.sum(axis=0), _LEAST_REMAINDER)
    no_beat = np.log(remainder / (observation_lambda - 1)).astype(np.float64)  # (frames,)
    beat = np.full_like(classes, _LOG_ZERO)
    np.log(classes, out=beat, where=classes > 0)
    return Observation(base=float(no_beat.sum()), scores=beat.astype(np.float64) - no_beat)


def region_sums(scores: Float64, start: int, stop: int, longest: int) -> Float64:
    """Sums[c, k, f] of the `k` scores of class c from frame start + f on; frames outside the input count 0.

    scores: (classes, frames). Returns (classes, longest + 1, stop - start); start may be negative and stop
    beyond the end.
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
