"""The result of a run, and its JSON and CSV files."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from beattrack.datasets import Problem
from beattrack.errors import BeattrackError
from beattrack.evaluation.aggregate import Summary, summarise, summarise_genres
from beattrack.evaluation.diagnosis import Diagnosis
from beattrack.evaluation.score import FileScore, Item
from beattrack.formats.readers import BeatSequence
from beattrack.version import __version__

SCHEMA_VERSION = 1


class ResultsError(BeattrackError):
    """Results cannot be read or compared."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """Scores of one system on one set of files.

    Attributes:
        name: name of the system.
        dataset: name of the dataset.
        scores: scores of the files, sorted by id.
        settings: settings of the scoring.
        system: description of the tracker, empty if unknown.
        versions: versions of the packages.
        left_out: files that were not scored, with the reasons.
        training_data: whether the model was trained on the dataset.
        complete: False if the run was interrupted.
    """

    name: str
    dataset: str
    scores: tuple[FileScore, ...]
    settings: Mapping[str, Any]
    system: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[Problem, ...] = ()
    training_data: bool = False
    complete: bool = True

    @cached_property
    def summary(self) -> Summary:
        """Means over all files."""
        return summarise([score.values for score in self.scores])

    @cached_property
    def genres(self) -> dict[str, Summary]:
        """Means over the files of each genre."""
        return summarise_genres(self.scores)

    def worst(self, count: int) -> list[FileScore]:
        """Return the `count` files with the lowest scores among those with a fault, worst first."""
        faulty = [score for score in self.scores if score.diagnosis.fault != "none"]
        return sorted(faulty, key=lambda score: (*score.badness(), score.id))[:count]

    def notes(self) -> dict[str, list[str]]:
        """Return the notes on files, in order of first occurrence, each with the ids of its files."""
        notes: dict[str, list[str]] = {}
        for score in self.scores:
            for note in score.notes:
                notes.setdefault(note, []).append(score.id)
        return notes


def versions() -> dict[str, str]:
    """Return the versions of the packages that scores depend on."""
    import mir_eval

    return {
        "beattrack": __version__,
        "mir_eval": mir_eval.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def to_json(run: Run) -> str:
    """Return a run as JSON, with numbers in full precision; `read_run` reads it."""
    record = {
        "beattrack_evaluation": SCHEMA_VERSION,
        "name": run.name,
        "dataset": run.dataset,
        "training_data": run.training_data,
        "complete": run.complete,
        "settings": dict(run.settings),
        "system": dict(run.system),
        "versions": dict(run.versions),
        "summary": run.summary.to_dict(),
        "genres": {genre: summary.to_dict() for genre, summary in run.genres.items()},
        "left_out": [{"file": problem.file, "reason": problem.reason} for problem in run.left_out],
        "files": [_file_record(score) for score in run.scores],
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def to_csv(run: Run) -> str:
    """Return the scores as CSV, with one row per file, numbers in full precision and empty cells for none."""
    names = list(dict.fromkeys(name for score in run.scores for name in score.values))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "genre", *names, "fault", "detail", "notes"])
    for score in run.scores:
        numbers = [repr(score.values[name]) if name in score.values else "" for name in names]
        notes = "; ".join(score.notes)
        writer.writerow(
            [score.id, score.genre or "", *numbers, score.diagnosis.fault, score.diagnosis.detail, notes]
        )
    return text.getvalue()


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run from a file written with `to_json`.

    Raises:
        ResultsError: if the file cannot be read or is not such a file.
    """
    name = os.fspath(path)
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{name}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ResultsError(f"{name}: is not JSON ({error})") from error
    if not isinstance(record, dict) or record.get("beattrack_evaluation") != SCHEMA_VERSION:
        raise ResultsError(
            f"{name}: is not a file of `beattrack eval --json` with schema version {SCHEMA_VERSION}"
        )
    try:
        return _from_record(record)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{name}: is damaged ({error!r})") from error


def _from_record(record: Mapping[str, Any]) -> Run:
    return Run(
        name=record["name"],
        dataset=record["dataset"],
        scores=tuple(_score_from(entry) for entry in record["files"]),
        settings=record["settings"],
        system=record["system"],
        versions=record["versions"],
        left_out=tuple(Problem(entry["file"], entry["reason"]) for entry in record["left_out"]),
        training_data=record["training_data"],
        complete=record["complete"],
    )


def _file_record(score: FileScore) -> dict[str, Any]:
    return {
        "id": score.id,
        "genre": score.genre,
        "audio": score.item.audio,
        "values": score.values,
        "fault": score.diagnosis.fault,
        "level": score.diagnosis.level,
        "detail": score.diagnosis.detail,
        "notes": list(score.notes),
        "reference": _beats_record(score.item.reference),
        "estimate": _beats_record(score.item.estimate),
    }


def _beats_record(beats: BeatSequence) -> dict[str, Any]:
    positions = None if beats.positions is None else beats.positions.tolist()
    return {"times": beats.times.tolist(), "positions": positions, "tempo": beats.tempo}


def _score_from(entry: Mapping[str, Any]) -> FileScore:
    item = Item(
        entry["id"],
        _beats_from(entry["reference"]),
        _beats_from(entry["estimate"]),
        entry["genre"],
        entry["audio"],
    )
    diagnosis = Diagnosis(entry["fault"], entry["level"], entry["detail"])
    return FileScore(item, dict(entry["values"]), diagnosis, tuple(entry["notes"]))


def _beats_from(entry: Mapping[str, Any]) -> BeatSequence:
    times: Sequence[float] = entry["times"]
    positions = entry["positions"]
    return BeatSequence(
        np.asarray(times, dtype=np.float64),
        None if positions is None else np.asarray(positions, dtype=np.int64),
        entry["tempo"],
    )
