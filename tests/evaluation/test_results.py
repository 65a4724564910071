from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from beattrack.datasets import Problem
from beattrack.evaluation.results import ResultsError, read_run, to_csv, to_json
from beattrack.evaluation.run import Inputs, RunSettings, score
from tests.evaluation_cases import items

pytest.importorskip("mir_eval")


@pytest.fixture(scope="module")
def run():
    inputs = Inputs(tuple(items()), (Problem("x.beats", "has no annotation"),))
    return score(inputs, RunSettings(), name="some tracker", dataset="cases", system={"model": "tcn"})


@pytest.fixture
def again(run, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(to_json(run), encoding="utf-8")
    return read_run(path)


def test_json_keeps_every_bit(run, again):
    assert [score.id for score in again.scores] == [score.id for score in run.scores]
    for before, after in zip(run.scores, again.scores, strict=True):
        assert after.values == before.values
        assert after.diagnosis == before.diagnosis
        assert after.notes == before.notes
        for side in ("reference", "estimate"):
            old, new = getattr(before.item, side), getattr(after.item, side)
            assert np.array_equal(old.times, new.times)
            assert np.array_equal(old.positions, new.positions)
            assert new.positions.dtype == np.int64
    for name in (
        "name",
        "dataset",
        "settings",
        "system",
        "versions",
        "left_out",
        "training_data",
        "complete",
    ):
        assert getattr(again, name) == getattr(run, name)
    assert again.summary == run.summary


def test_json_holds_means_settings_and_versions(run):
    record = json.loads(to_json(run))
    values = [entry["values"]["beats.f_measure"] for entry in record["files"]]
    assert record["summary"]["means"]["beats.f_measure"]["mean"] == pytest.approx(np.mean(values), abs=1e-15)
    assert set(record["genres"]) == {"jazz", "rock"}
    assert record["settings"]["trim_s"] == 0.0
    assert {"beattrack", "mir_eval", "numpy", "python"} <= set(record["versions"])
    assert record["left_out"] == [{"file": "x.beats", "reason": "has no annotation"}]


def test_csv_has_a_row_for_each_file_in_full_precision(run):
    rows = list(csv.DictReader(io.StringIO(to_csv(run))))
    assert [row["file"] for row in rows] == [score.id for score in run.scores]
    for row, file in zip(rows, run.scores, strict=True):
        assert float(row["beats.information_gain"]) == file.values["beats.information_gain"]
        assert row["fault"] == file.diagnosis.fault
    silent = next(row for row in rows if row["file"] == "silent")
    assert silent["timing.mean_ms"] == ""
    assert "no beats" in silent["notes"]


def test_the_worst_files_are_those_with_a_fault(run):
    worst = run.worst(3)
    assert len(worst) == 3
    assert {file.id for file in worst[:2]} == {"silent", "off"}
    assert "exact" not in {file.id for file in run.worst(100)}


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "not JSON"), ("[]", "not a file of"), ('{"beattrack_evaluation": 9}', "not a file of")],
)
def test_refuses_other_files(tmp_path, text, words):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=words):
        read_run(path)


def test_refuses_damaged_and_missing_files(run, tmp_path):
    record = json.loads(to_json(run))
    del record["files"][0]["values"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ResultsError, match="damaged"):
        read_run(path)
    with pytest.raises(ResultsError, match="cannot be read"):
        read_run(tmp_path / "absent.json")
