"""Use the network's tempo head as a preference for some beat intervals.

Beat activations are often as high between the beats as on them, so that the decoder cannot tell a tempo from
its double. The tempo head, which uses the whole recording, resolves this octave ambiguity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.base import probabilities
from beattrack.decoding.dbn.state_space import StateSpace

Float64 = NDArray[np.float64]

SPREAD_OCTAVES = 0.06  # tolerates tempi between two bins, and a drift of 4 %
LEAST_SHARE = 1e-3  # of the likeliest tempo, so that the decoder can overrule the head
REFERENCE_BPM = 110.0  # the strength applies to each beat at this tempo, as in TempoPrior


def listen(
    spaces: tuple[StateSpace, ...], activations: Activations, strength: float
) -> tuple[StateSpace, ...]:
    """Return state spaces with the scores of the tempo head added.

    Args:
        spaces: the state spaces.
        activations: activations of the recording. Without a tempo activation the spaces are unchanged.
        strength: weight of the scores; 0 leaves the spaces unchanged.

    Returns:
        One state space for each of `spaces`.
    """
    if strength == 0 or activations.tempo is None:
        return spaces
    fps = float(activations.fps)
    return tuple(
        replace(
            space,
            frame_scores=space.frame_scores
            + strength
            * REFERENCE_BPM
            / (60 * fps)
            * head_scores(activations.tempo, 60 * fps / space.intervals),
        )
        for space in spaces
    )


def head_scores(tempo: NDArray[np.floating], bpm: Float64) -> Float64:
    """Return the log-likelihood of each tempo relative to that of the likeliest.

    Args:
        tempo: probability of each whole BPM from 0, shape (bins,). It is smoothed over the logarithm of the
            tempo.
        bpm: tempi in beats per minute, shape (tempi,).

    Returns:
        Scores of shape (tempi,), zero for the likeliest tempo; all zero if the head reports no tempo.
    """
    bins = np.arange(1, len(tempo))
    distance = np.log2(bpm[:, None] / bins) / SPREAD_OCTAVES  # (tempi, bins)
    likelihood = np.exp(-0.5 * distance**2) @ probabilities(tempo[1:]).astype(np.float64)
    highest = likelihood.max()
    scores: Float64 = np.log(likelihood / highest + LEAST_SHARE) if highest > 0 else np.zeros(len(bpm))
    return scores
