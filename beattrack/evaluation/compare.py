"""Two or more runs on the same files, compared file by file."""

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

# Scores closer than this are equal: less than the last bits of a sum.
TIE = 1e-9
# Faults and timing errors: less is better.
_LOWER_IS_BETTER = ("fault.", "octave.", "timing.")


@dataclass(frozen=True)
class Pair:
    """One metric of two systems over the files that have it in both.

    first, second: means. difference: mean of second minus first, with its bootstrap interval (low, high).
    wins, ties, losses: files where the second system is better, equal, worse.
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
    """A system against the baseline: pairs by metric name, over all files and for each genre."""

    name: str
    overall: Mapping[str, Pair]
    genres: Mapping[str, Mapping[str, Pair]]


@dataclass(frozen=True)
class Comparison:
    """Systems against the first one, on the files that all have. remarks: what the reader must know."""

    dataset: str
    baseline: str
    files: int
    systems: tuple[Against, ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the comparison as plain JSON values."""
        return {"beattrack_comparison": 1, **asdict(self)}


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare runs with the first of them, file by file.

    Raises ResultsError with fewer than two runs, without a shared file, or where the runs were scored by
    different settings or against different annotations, as their difference would then mean nothing.
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
    """Values of one metric in the files that have it in both, (files,) each; one order of files in both."""
    values = [
        (a.values[key], b.values[key])
        for a, b in zip(first, second, strict=True)
        if key in a.values and key in b.values
    ]
    pairs = np.asarray(values, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def shared_scores(runs: Sequence[Run]) -> list[list[FileScore]]:
    """Scores of each run for the files that all have, in order of id."""
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
    # A timing bias is better the nearer it is to zero, early or late.
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
                f"{first_name} and {name} were scored by different settings ({key}: {first.settings[key]} "
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
            remarks.append(f"{name}: {alone} of its files are not in every run and were left out")
        if run.training_data:
            remarks.append(f"{name}: TRAINING DATA, its model was trained on {run.dataset}")
        if not run.complete:
            remarks.append(f"{name}: its run was interrupted")
    bars = [run.settings["downbeats_estimated"] for run in runs]
    for bars_known, name in zip(bars, names, strict=True):
        if any(bars) and not bars_known:
            remarks.append(f"{name}: gives no downbeats, so that its bars cannot count as wrong")
    if len({run.versions.get("mir_eval") for run in runs}) > 1:
        remarks.append("the runs were scored by different versions of mir_eval")
    return remarks
