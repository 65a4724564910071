"""Add calibrated confidence to a result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.confidence import calibration
from beattrack.confidence.certainty import Certainty
from beattrack.confidence.features import features
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn.posterior import Posterior

Float64 = NDArray[np.float64]

_DIGITS = 4


def assess(
    times: Float64,
    positions: NDArray[np.int64] | None,
    bpm: float | None,
    metre: int | None,
    activations: Activations,
    posterior: Posterior,
    anchors: Anchors | None = None,
) -> tuple[Float64, Certainty]:
    """Compute how sure a result is.

    Args:
        times: times of the beats in seconds, shape (beats,).
        positions: positions in the bar, shape (beats,), or None.
        bpm: tempo in beats per minute, or None.
        metre: number of beats in a bar, or None.
        activations: activations of the recording.
        posterior: posterior probabilities with the evidence weighted by `calibration.EVIDENCE`.
        anchors: known beats, which are certain.

    Returns:
        Probability that each beat is right, shape (beats,), and of the rest. If there are no beats, the
        certainty of the file is 0.
    """
    if len(times) == 0:
        return np.empty(0), Certainty(0.0, downbeats=None if positions is None else np.empty(0))
    found = features(times, bpm, metre, activations, posterior)
    beats = calibration.BEAT(found)
    downbeats = None if positions is None else calibration.DOWNBEAT(found)
    if anchors is not None:
        held = anchors.held(times, activations.fps)
        beats = np.where(held, 1.0, beats)
        if downbeats is not None:
            downbeats = _known(downbeats, times, anchors, held)
    return beats.round(_DIGITS), Certainty(
        file=_rounded(calibration.FILE(found)),
        tempo=None if bpm is None else _rounded(calibration.TEMPO(found)),
        metre=None if metre is None else _rounded(calibration.METRE(found)),
        downbeats=None if downbeats is None else downbeats.round(_DIGITS),
    )


def _known(downbeats: Float64, times: Float64, anchors: Anchors, held: NDArray[np.bool_]) -> Float64:
    """Return the probabilities with 1 or 0 at the anchors whose position is known."""
    downbeats = downbeats.copy()
    for time, position in anchors.pairs:
        nearest = int(np.abs(times - time).argmin())
        if position is not None and held[nearest]:
            downbeats[nearest] = float(position == 1)
    return downbeats


def _rounded(probability: Float64) -> float:
    return round(float(probability), _DIGITS)
