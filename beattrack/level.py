"""The level of a recording, by which its spectrogram is divided so that gain does not matter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def recording_level(spectrogram: NDArray[np.float32]) -> float:
    """Level of a spectrogram of (frames, bands) magnitudes; see `level_of_blocks`."""
    return level_of_blocks([spectrogram])


def level_of_blocks(blocks: Iterable[NDArray[np.float32]]) -> float:
    """Mean magnitude of the frames, each weighted by its own magnitude: sum(m^2) / sum(m); 0 for silence.

    With this weighting silence counts nothing, so that padding a recording leaves its level as it is.
    """
    total = squares = 0.0
    for block in blocks:
        means = block.mean(axis=1, dtype=np.float64)  # (frames,)
        total += float(means.sum())
        squares += float(means @ means)
    return squares / total if total > 0 else 0.0
