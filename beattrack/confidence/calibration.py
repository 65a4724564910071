"""Calibrated probabilities from features: logistic models, fitted by `recipes/calibration.py`.

The constants are for the default network and decoder. docs/confidence.md says how they were measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.confidence.features import Features

Float64 = NDArray[np.float64]

# Weight of the evidence in the posterior, see `DBNDecoder.posterior`. With 1, all posteriors are near 0 or 1,
# right or wrong; from 0.01 to 0.03 they tell right from wrong best (docs/confidence.md).
EVIDENCE = 0.02

# Log-odds that stand for the missing share of a tempo head: the mean over the songs of the fit.
NO_TEMPO_HEAD = 3.25


@dataclass(frozen=True)
class Logistic:
    """A logistic model of features.

    Attributes:
        weights: features by name, with their weights.
        bias: log-odds if all features are 0.
    """

    weights: tuple[tuple[str, float], ...]
    bias: float

    def __call__(self, features: Features) -> Float64:
        """Return the probabilities, with as many dimensions as the features have."""
        odds = np.asarray(self.bias, dtype=np.float64)
        for name, weight in self.weights:
            value = getattr(features, name)
            odds = odds + weight * (NO_TEMPO_HEAD if value is None else value)
        probabilities: Float64 = 1 / (1 + np.exp(-odds))
        return probabilities


BEAT = Logistic(
    (
        ("beat_posterior", 0.061),
        ("beat_activation", 0.351),
        ("mean_activation", 0.637),
        ("tempo_head", 0.24),
    ),
    0.813,
)
DOWNBEAT = Logistic(
    (("downbeat_posterior", 0.384), ("downbeat_activation", 0.743), ("beat_activation", -0.441)), 1.023
)
TEMPO = Logistic((("tempo_head", 0.39), ("mean_activation", 0.654)), 0.47)
METRE = Logistic((("metre_posterior", 0.486), ("mean_activation", 0.391)), 0.136)
FILE = Logistic((("mean_posterior", 0.035), ("mean_activation", 0.826), ("tempo_head", 0.349)), -0.027)
