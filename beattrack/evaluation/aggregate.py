"""Means over files, with bootstrap intervals."""

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
    """Mean over files: files that have the value, and the bootstrap interval (low, high) of the mean."""

    mean: float
    low: float
    high: float
    files: int


@dataclass(frozen=True)
class Summary:
    """Means of a set of files by metric name. files: size of the set, also where a metric has fewer."""

    files: int
    means: Mapping[str, Mean]

    def mean(self, name: str) -> float | None:
        """Mean of one metric, None where no file has it."""
        return self.means[name].mean if name in self.means else None

    def to_dict(self) -> dict[str, object]:
        """Give the summary as plain JSON values."""
        return {"files": self.files, "means": {name: asdict(mean) for name, mean in self.means.items()}}


def summarise(values: Sequence[Mapping[str, float]]) -> Summary:
    """Average each metric over the files that have it.

    The interval is the 95 % percentile bootstrap over those files, 2000 resamples, with a fixed seed: the
    same scores give the same interval. One file has no spread, so its interval is the value itself.
    """
    names = list(dict.fromkeys(name for file in values for name in file))
    means = {}
    for name in names:
        numbers = np.asarray([file[name] for file in values if name in file])
        low, high = bootstrap_interval(numbers)
        means[name] = Mean(float(numbers.mean()), low, high, int(numbers.size))
    return Summary(len(values), means)


def summarise_genres(scores: Sequence[FileScore]) -> dict[str, Summary]:
    """Summarise each genre, by name; empty where no file has one."""
    genres = sorted({score.genre for score in scores if score.genre is not None})
    return {genre: summarise([score.values for score in scores if score.genre == genre]) for genre in genres}


def bootstrap_interval(numbers: NDArray[np.float64]) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of (files,) numbers (Efron 1979)."""
    if numbers.size == 0:
        return float("nan"), float("nan")
    means = _draws(numbers.size) @ numbers / numbers.size  # (resamples,)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@lru_cache(maxsize=4)
def _draws(files: int) -> NDArray[np.float64]:
    """How often each file is drawn, (resamples, files): so that means are one matrix product."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    return generator.multinomial(files, np.full(files, 1 / files), size=RESAMPLES).astype(np.float64)
