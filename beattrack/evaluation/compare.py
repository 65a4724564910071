"""Comparison of two or more runs, file by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.aggregate import bootstrap_interval
from beattrack.evaluation.metric_labels import BY_KEY
from beattrack.evaluation.results import ResultsError, Run
from beattrack.evaluation.score import FileScore

# Scores closer than this are equal; rounding errors of sums are smaller.
TIE = 1e-9
# Prefixes of faults and timing errors, for which lower is better.
_LOWER_IS_BETTER = ("fault.", "octave.", "timing.")


@dataclass(frozen=True)
class Pair:
    """One metric of two systems, over the files that have it in both.

    Attributes:
        first, second: means of the two systems.
        difference: mean of second minus first.
        low, high: ends of the 95 % bootstrap interval of the difference.
        wins, ties, losses: number of files for which the second system is better, equal, worse.
        files: number of files.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int
    files: int


@dataclass(frozen=True)
class Against:
    """Comparison of a system with the baseline.

    Attributes:
        name: name of the system.
        overall: pairs over all files, by metric name.
        genres: pairs over the files of each genre, by genre and metric name.
    """

    name: str
    overall: Mapping[str, Pair]
    genres: Mapping[str, Mapping[str, Pair]]


@dataclass(frozen=True)
class Comparison:
    """Comparison of systems with the first one.

    Attributes:
        dataset: name of the dataset.
        baseline: name of the first system.
        files: number of files that all systems have.
        systems: comparisons of the other systems with the baseline.
        remarks: sentences about differences between the runs.
    """

    dataset: str
    baseline: str
    files: int
    systems: tuple[Against, ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return {"beattrack_comparison": 1, **asdict(self)}


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare runs with the first one, file by file.

    Args:
        runs: two or more runs.

    Raises:
        ResultsError: if there are fewer than two runs, if they share no file, or if they were scored with
            different settings or against different annotations.
    """
    if len(runs) < 2:
        raise ResultsError("a comparison needs the results of at least two runs")
    first, names = runs[0], _unique_names(runs)
    shared = set.intersection(*({score.id for score in run.scores} for run in runs))
    if not shared:
        raise ResultsError("the runs share no file")
    for run, name in zip(runs[1:], names[1:], strict=True):
        _check_comparable(first, run, names[0], name, shared)
    systems = tuple(
        _against(name, _by_id(first, shared), _by_id(run, shared))
        for run, name in zip(runs[1:], names[1:], strict=True)
    )
    return Comparison(first.dataset, names[0], len(shared), systems, tuple(_remarks(runs, names, shared)))


def paired(
    first: Sequence[FileScore], second: Sequence[FileScore], key: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values of a metric for the files that have it in both systems.

    Args:
        first, second: scores of the same files in the same order.
        key: name of the metric.

    Returns:
        Values of the first and of the second system, both of shape (files,).
    """
    values = [
        (a.values[key], b.values[key])
        for a, b in zip(first, second, strict=True)
        if key in a.values and key in b.values
    ]
    pairs = np.asarray(values, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def shared_scores(runs: Sequence[Run]) -> list[list[FileScore]]:
    """Return the scores of each run for the files that all runs have, sorted by id."""
    shared = set.intersection(*({score.id for score in run.scores} for run in runs))
    return [_by_id(run, shared) for run in runs]


def _against(name: str, first: list[FileScore], second: list[FileScore]) -> Against:
    genres = sorted({score.genre for score in first if score.genre is not None})
    by_genre = {}
    for genre in genres:
        inside = [index for index, score in enumerate(first) if score.genre == genre]
        by_genre[genre] = _pairs([first[index] for index in inside], [second[index] for index in inside])
    return Against(name, _pairs(first, second), by_genre)


def _pairs(first: list[FileScore], second: list[FileScore]) -> dict[str, Pair]:
    pairs = {}
    for key in BY_KEY:
        a, b = paired(first, second, key)
        if a.size:
            pairs[key] = _pair(key, a, b)
    return pairs


def _pair(key: str, first: NDArray[np.float64], second: NDArray[np.float64]) -> Pair:
    differences = second - first
    low, high = bootstrap_interval(differences)
    # The sign of a timing bias does not matter.
    gains = np.abs(first) - np.abs(second) if key.startswith(_LOWER_IS_BETTER) else differences
    wins, losses = int((gains > TIE).sum()), int((gains < -TIE).sum())
    return Pair(
        first=float(first.mean()),
        second=float(second.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        wins=wins,
        ties=int(gains.size) - wins - losses,
        losses=losses,
        files=int(gains.size),
    )


def _check_comparable(first: Run, run: Run, first_name: str, name: str, shared: set[str]) -> None:
    for key in ("trim_s", "tempo_reference", "f_measure_window_s", "tempo_tolerance"):
        if first.settings[key] != run.settings[key]:
            raise ResultsError(
                f"{first_name} and {name} were scored with different settings ({key}: {first.settings[key]} "
                f"and {run.settings[key]}), so their scores cannot be compared"
            )
    for a, b in zip(_by_id(first, shared), _by_id(run, shared), strict=True):
        if not _same_reference(a, b):
            raise ResultsError(
                f"{first_name} and {name} were scored against different annotations of {a.id}, so their "
                "scores cannot be compared"
            )


def _same_reference(first: FileScore, second: FileScore) -> bool:
    a, b = first.item.reference, second.item.reference
    bars = (a.positions is None) == (b.positions is None) and (
        a.positions is None or b.positions is None or np.array_equal(a.positions, b.positions)
    )
    return bool(np.array_equal(a.times, b.times)) and bars and a.tempo == b.tempo


def _by_id(run: Run, shared: set[str]) -> list[FileScore]:
    return sorted((score for score in run.scores if score.id in shared), key=lambda score: score.id)


def _unique_names(runs: Sequence[Run]) -> list[str]:
    names = [run.name for run in runs]
    return [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, 1)]


def _remarks(runs: Sequence[Run], names: Sequence[str], shared: set[str]) -> list[str]:
    remarks = []
    for run, name in zip(runs, names, strict=True):
        alone = len(run.scores) - len(shared)
        if alone:
            remarks.append(f"{name}: {alone} of its files were left out because they are not in every run")
        if run.training_data:
            remarks.append(f"{name}: TRAINING DATA; its model was trained on {run.dataset}")
        if not run.complete:
            remarks.append(f"{name}: the run was interrupted")
    bars = [run.settings["downbeats_estimated"] for run in runs]
    for bars_known, name in zip(bars, names, strict=True):
        if any(bars) and not bars_known:
            remarks.append(f"{name}: estimates no downbeats, so its bars are never counted as wrong")
    if len({run.versions.get("mir_eval") for run in runs}) > 1:
        remarks.append("the runs were scored with different versions of mir_eval")
    return remarks
