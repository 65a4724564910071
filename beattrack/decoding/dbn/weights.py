"""Arithmetic of weights whose logarithms differ too much for one scale.

Arrays of weights have the shape (places, intervals, frames) and a unit for each place and frame. The
logarithms of the units have the shape (places, frames). In these units the highest weight is about 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# For each place, the places it is linked to and the log-probability of that step.
Links = tuple[tuple[tuple[int, float], ...], ...]


def log_sum(logs: Float64) -> float:
    """Return the logarithm of a sum, from the logarithms of its terms."""
    highest = float(logs.max())
    if highest == -np.inf:
        return highest
    return highest + math.log(float(np.exp(logs - highest).sum()))


def reversed_links(links: Links) -> Links:
    """Return the links in the other direction."""
    return tuple(
        tuple(
            (place, score)
            for place, sources in enumerate(links)
            for source, score in sources
            if source == end
        )
        for end in range(len(links))
    )


def take(array: Float64, index: Int64, shift: int, out: Float64) -> None:
    """Set `out` to the values at flat indices, moved by a number of columns.

    Args:
        array: values of any shape, with the columns as last axis.
        index: indices of shape (places, intervals, frames); surplus frames are ignored.
        shift: number of columns.
        out: array of shape (places, intervals, frames).
    """
    # All indices are in range; "clip" only avoids a check and a copy.
    np.take(array.reshape(-1)[shift:], index[:, :, : out.shape[2]], out=out, mode="clip")


def apply(factors: Float64, weights: Float64) -> Float64:
    """Multiply weights by factors in place.

    Args:
        factors: logarithms of the factors, of the shape of the weights; overwritten.
        weights: weights.

    Returns:
        Logarithms of the new units of the weights.
    """
    np.copyto(factors, -np.inf, where=weights == 0)
    scales: Float64 = factors.max(axis=1)
    np.copyto(scales, 0.0, where=np.isneginf(scales))
    factors -= scales[:, None]
    np.exp(factors, out=factors)
    weights *= factors
    return scales


def merged(weights: Float64, scales: Float64, links: Links) -> tuple[Float64, Float64]:
    """Return the sums of the weights of all places that are linked to each place.

    Args:
        weights: weights.
        scales: logarithms of their units.
        links: links of each place.

    Returns:
        The sums, and the logarithms of their units.
    """
    if all(len(sources) == 1 for sources in links):
        order = [sources[0][0] for sources in links]
        return weights[order], scales[order]
    found, units = np.empty_like(weights), np.empty_like(scales)
    for place, sources in enumerate(links):
        logs = np.array([scales[source] + score for source, score in sources])  # (sources, frames)
        units[place] = logs.max(axis=0)
        factors = np.exp(logs - units[place])
        found[place] = sum(
            weights[source] * factor for (source, _), factor in zip(sources, factors, strict=True)
        )
    return found, units


def normalise(weights: Float64, scales: Float64, out: Float64) -> Float64:
    """Express weights in units of the highest of each place and frame.

    Args:
        weights: weights.
        scales: logarithms of their units.
        out: array for the weights in the new units; may be `weights`.

    Returns:
        Logarithms of the new units.
    """
    highest = weights.max(axis=1)  # (places, frames)
    units = np.where(highest > 0, highest, 1.0)
    np.divide(weights, units[:, None], out=out)
    return np.where(highest > 0, scales + np.log(units), -np.inf)
