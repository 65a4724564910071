"""Divide beats into pieces of constant tempo: the exact optimum, by dynamic programming.

The cost of a division is the sum of the squared errors of the least-squares line through each piece, plus a
price for each piece. The best division of the first t beats extends the best one of the first s beats, for
some s. An s is given up once the beats between s and t alone cost more than a cut at t, because then a cut at
t is at least as good forever (Killick, Fearnhead, Eckley: "Optimal detection of changepoints with a linear
computational cost", JASA 2012).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def segments(numbers: Int64, times: Float64, *, price: float, least: int) -> list[slice]:
    """Compute the pieces of constant tempo with the least total cost.

    Args:
        numbers: numbers of the beats, strictly increasing, shape (beats,).
        times: their times in seconds, shape (beats,).
        price: cost of a piece, in square seconds.
        least: least number of beats in a piece, at least 2.

    Returns:
        The pieces in order; one if there are fewer than `least` beats, none without beats.
    """
    count = len(times)
    if count < 2 * least:
        return [slice(0, count)] if count else []
    best, before = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=np.int64)
    best[0] = 0.0
    fits = _Fits()
    for stop in range(1, count + 1):
        if np.isfinite(best[stop - 1]):
            fits.begin(stop - 1, best[stop - 1])
        fits.add(float(numbers[stop - 1]), float(times[stop - 1]))
        costs = fits.costs()
        allowed = stop - fits.starts >= least
        if not allowed.any():
            continue
        chosen = int(np.where(allowed, costs, np.inf).argmin())
        best[stop], before[stop] = costs[chosen] + price, fits.starts[chosen]
        fits.give_up(costs, best[stop], stop, least)
    bounds = [count]
    while bounds[-1] > 0:
        bounds.append(int(before[bounds[-1]]))
    bounds.reverse()
    return [slice(start, stop) for start, stop in pairwise(bounds)]


class _Fits:
    """The least-squares lines from several starts to the present beat, updated beat by beat.

    Sums over all beats would lose the small errors to rounding; means and deviations from them do not.
    """

    def __init__(self) -> None:
        self.starts: Int64 = np.empty(0, dtype=np.int64)
        self._until: Int64 = np.empty(0, dtype=np.int64)  # beat from which on a start is not needed any more
        # Cost before the start, number of beats, means, and sums of products of the deviations.
        self._values: Float64 = np.empty((7, 0))

    def begin(self, start: int, cost: float) -> None:
        """Add a start."""
        self.starts = np.append(self.starts, start)
        self._until = np.append(self._until, np.iinfo(np.int64).max)
        self._values = np.append(self._values, [[cost], *[[0.0]] * 6], axis=1)

    def add(self, number: float, time: float) -> None:
        """Take the next beat into all lines."""
        _, counts, mean_n, mean_t, sum_nn, sum_nt, sum_tt = self._values
        counts += 1
        off_n, off_t = number - mean_n, time - mean_t
        mean_n += off_n / counts
        mean_t += off_t / counts
        sum_nn += off_n * (number - mean_n)
        sum_nt += off_n * (time - mean_t)
        sum_tt += off_t * (time - mean_t)

    def costs(self) -> Float64:
        """Return the cost of the best division up to each start plus that of the line from there on."""
        cost, _, _, _, sum_nn, sum_nt, sum_tt = self._values
        errors = sum_tt - np.divide(sum_nt**2, sum_nn, out=np.zeros_like(sum_nn), where=sum_nn > 0)
        total: Float64 = cost + np.maximum(errors, 0)
        return total

    def give_up(self, costs: Float64, best: float, stop: int, least: int) -> None:
        """Forget the starts that cannot be best any more once a piece from `stop` on is long enough."""
        worse = (costs > best) & (self._until > stop + least)
        self._until[worse] = stop + least
        needed = self._until > stop
        if not needed.all():
            self.starts, self._until = self.starts[needed], self._until[needed]
            self._values = np.ascontiguousarray(self._values[:, needed])
