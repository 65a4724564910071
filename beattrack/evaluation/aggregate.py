"""Means over files with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.score import FileScore

RESAMPLES = 2000
SEED = 0
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """Mean of a metric over files.

    Attributes:
        mean: the mean.
        low, high: ends of its 95 % bootstrap interval.
        files: number of files that have the metric.
    """

    mean: float
    low: float
    high: float
    files: int


@dataclass(frozen=True)
class Summary:
    """Means over a set of files.

    Attributes:
        files: number of files in the set; a metric may be known for fewer.
        means: mean of each metric, by name.
    """

    files: int
    means: Mapping[str, Mean]

    def mean(self, name: str) -> float | None:
        """Return the mean of a metric; None if no file has it."""
        return self.means[name].mean if name in self.means else None

    def to_dict(self) -> dict[str, object]:
        """Return the summary as plain JSON values."""
        return {"files": self.files, "means": {name: asdict(mean) for name, mean in self.means.items()}}


def summarise(values: Sequence[Mapping[str, float]]) -> Summary:
    """Compute the mean of each metric over the files that have it.

    The interval is a 95 % percentile bootstrap over those files with 2000 resamples. Its seed is fixed, so
    that the same scores give the same interval. The interval of a single file is the value itself.

    Args:
        values: for each file, values by metric name.
    """
    names = list(dict.fromkeys(name for file in values for name in file))
    means = {}
    for name in names:
        numbers = np.asarray([file[name] for file in values if name in file])
        low, high = bootstrap_interval(numbers)
        means[name] = Mean(float(numbers.mean()), low, high, int(numbers.size))
    return Summary(len(values), means)


def summarise_genres(scores: Sequence[FileScore]) -> dict[str, Summary]:
    """Compute the summary of each genre, by name; empty if no file has a genre."""
    genres = sorted({score.genre for score in scores if score.genre is not None})
    return {genre: summarise([score.values for score in scores if score.genre == genre]) for genre in genres}


def bootstrap_interval(numbers: NDArray[np.float64]) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of a mean.

    Args:
        numbers: values of shape (files,).

    Returns:
        The ends of the 95 % interval; NaN if there are no values.

    Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979.
    """
    if numbers.size == 0:
        return float("nan"), float("nan")
    means = _draws(numbers.size) @ numbers / numbers.size  # (resamples,)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@lru_cache(maxsize=4)
def _draws(files: int) -> NDArray[np.float64]:
    """Draw how often each file occurs in each resample, (resamples, files)."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    return generator.multinomial(files, np.full(files, 1 / files), size=RESAMPLES).astype(np.float64)
