"""The observation model of the online decoder: how well a frame fits a beat, compared with no beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.base import probabilities
from beattrack.decoding.online.settings import OnlineSettings

Float64 = NDArray[np.float64]

# The least activation of a downbeat, as a share of that of a beat: downbeats are rarer.
DOWNBEAT_SHARE = 0.3

LEAST_REMAINDER = 1e-3  # probability of "no beat" if the activation is 1


def likelihood_ratios(
    beats: NDArray[np.floating], downbeats: NDArray[np.floating] | None, settings: OnlineSettings
) -> Float64:
    """Compute the density of each frame at a beat divided by that of "no beat".

    Densities are those of `dbn.observation.observe`, with a least activation and an exponent.

    Args:
        beats: beat activations, shape (frames,); NaN counts as 0.
        downbeats: downbeat activations, shape (frames,); None if bars are not followed.
        settings: settings of the decoder.

    Returns:
        Ratios of shape (frames, classes): of downbeats and of other beats, or of all beats alone.
    """
    beat = probabilities(np.asarray(beats)).astype(np.float64)
    least = settings.least_activation
    if downbeats is None:
        densities = np.maximum(beat, least)[:, None]
        remainder = 1.0 - beat
    else:
        downbeat = probabilities(np.asarray(downbeats)).astype(np.float64)
        densities = np.stack(
            [np.maximum(downbeat, least * DOWNBEAT_SHARE), np.maximum(beat - downbeat, least)], axis=1
        )
        remainder = 1.0 - np.maximum(beat, downbeat)
    ratios = densities / np.maximum(remainder, LEAST_REMAINDER)[:, None]
    weighted: Float64 = (ratios * (settings.observation_lambda - 1.0)) ** settings.observation_weight
    return weighted
