"""Tempi to draw: where listeners tap."""

from __future__ import annotations

import math

import numpy as np

CENTRE_BPM = 110.0
SPREAD = 0.32  # standard deviation of the natural logarithm
SLOWEST_BPM = 50.0
FASTEST_BPM = 200.0


def draw_bpm(rng: np.random.Generator, slowest: float = SLOWEST_BPM, fastest: float = FASTEST_BPM) -> float:
    """A felt tempo: log-normal around 110 BPM as listeners prefer, cut to a range of the style.

    Where the range lies far from the centre the draw falls back on one uniform in the logarithm.
    Source: Moelants, "Preferred tempo reconsidered" (2002), for the shape.
    """
    for _ in range(20):
        bpm = float(np.exp(rng.normal(math.log(CENTRE_BPM), SPREAD)))
        if slowest <= bpm <= fastest:
            return bpm
    return float(np.exp(rng.uniform(math.log(slowest), math.log(fastest))))
