"""Random tempi for styles."""

from __future__ import annotations

import math

import numpy as np

_ENDS = 1.6  # standard deviations from the centre of a style's range to its ends


def draw_bpm(rng: np.random.Generator, slowest: float, fastest: float) -> float:
    """Return a random tempo from the range of a style.

    The distribution is log-normal around the geometric mean of the range, with ends at 1.6 standard
    deviations.

    Args:
        rng: generator of random numbers.
        slowest: lower end of the range in BPM.
        fastest: upper end of the range in BPM, at least `slowest`.

    Returns:
        Tempo of the felt beats in BPM.
    """
    low, high = math.log(slowest), math.log(fastest)
    centre, spread = (low + high) / 2, (high - low) / (2 * _ENDS)
    while True:
        drawn = float(rng.normal(centre, spread))
        if low <= drawn <= high:
            return math.exp(drawn)
