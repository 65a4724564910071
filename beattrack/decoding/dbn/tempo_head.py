"""What the network's tempo head says of a recording, as a preference of the decoder for some beat intervals.

The beats' own activations are often as high between the beats as on them, so that the decoder cannot tell a
tempo from its double. The tempo head has seen the whole recording at once and settles it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.base import probabilities
from beattrack.decoding.dbn.state_space import StateSpace

Float64 = NDArray[np.float64]

SPREAD_OCTAVES = 0.06  # a tempo between two bins, or one that drifts by 4 %, is still the one that was meant
LEAST_SHARE = 1e-3  # of the likeliest tempo, so that the head can be wrong
REFERENCE_BPM = 110.0  # its beats are what the strength counts, as in TempoPrior


def listen(
    spaces: tuple[StateSpace, ...], activations: Activations, strength: float
) -> tuple[StateSpace, ...]:
    """The spaces with the tempo head's scores added; as they are without a tempo activation or strength."""
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
    """Log of how likely the head finds each tempo, (tempi,), relative to the likeliest of all.

    tempo: (bins,) probability of each whole BPM from 0; smoothed over the logarithm of the tempo.
    """
    bins = np.arange(1, len(tempo))
    distance = np.log2(bpm[:, None] / bins) / SPREAD_OCTAVES  # (tempi, bins)
    likelihood = np.exp(-0.5 * distance**2) @ probabilities(tempo[1:]).astype(np.float64)
    highest = likelihood.max()
    scores: Float64 = np.log(likelihood / highest + LEAST_SHARE) if highest > 0 else np.zeros(len(bpm))
    return scores
