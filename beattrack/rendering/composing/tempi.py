"""Tempi to draw: each style around the tempo it is usually played at."""

from __future__ import annotations

import math

import numpy as np

_ENDS = 1.6  # standard deviations from the usual tempo of a style to the ends of its range


def draw_bpm(rng: np.random.Generator, slowest: float, fastest: float) -> float:
    """Draw a felt tempo from the range of a style.

    Args:
        rng: where chance comes from.
        slowest: beats per minute below which the style is not played.
        fastest: beats per minute above which it is not; at least `slowest`.

    Returns:
        Beats per minute: log-normal around the geometric mean of the range, whose ends lie 1.6 standard
        deviations from it; what falls outside is drawn again. Ranges of styles differ, so tempo and style
        belong together, and tempi over all styles spread as those of songs do.
    """
    low, high = math.log(slowest), math.log(fastest)
    centre, spread = (low + high) / 2, (high - low) / (2 * _ENDS)
    while True:
        drawn = float(rng.normal(centre, spread))
        if low <= drawn <= high:
            return math.exp(drawn)
