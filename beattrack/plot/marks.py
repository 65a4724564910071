"""What is drawn of beats and time: bar numbers, the tempo, and labels of the time axis."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float64]

NUMBER_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
TIME_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # s
OUTLIER = 1.25  # times what 96 % of the tempi reach; a jump further than that is cut off
LEAST_SPREAD = 0.06  # of the tempo, above and below the curve


def number_step(bars: int, most: int) -> int:
    """Return every how many bars to write a number, so that there are at most about `most` of them."""
    return next((step for step in NUMBER_STEPS if bars <= step * most), NUMBER_STEPS[-1])


def tempo_limits(tempi: Float, overall: float | None) -> tuple[float, float]:
    """Return the lowest and highest tempo to show in BPM, so that nearly all of (n,) tempi can be seen."""
    known = tempi[np.isfinite(tempi)]
    if overall is not None:
        known = np.append(known, overall)
    if not len(known):
        return 60.0, 180.0
    low, high = np.quantile(known, (0.02, 0.98))
    low, high = max(known.min(), low / OUTLIER), min(known.max(), high * OUTLIER)
    middle = float(np.median(known))
    low, high = min(low, middle * (1 - LEAST_SPREAD)), max(high, middle * (1 + LEAST_SPREAD))
    room = 0.1 * (high - low)
    return float(low - room), float(high + room)


def time_step(seconds: float, most: int) -> float:
    """Return the distance in seconds of at most about `most` labels along a time axis."""
    hours = math.ceil(seconds / (TIME_STEPS[-1] * most))
    return next((step for step in TIME_STEPS if seconds <= step * most), TIME_STEPS[-1] * hours)


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, such as 1:05 or 1:05.5."""
    minutes, rest = divmod(round(seconds, 3), 60)
    text = f"{rest:06.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}:{text}"
