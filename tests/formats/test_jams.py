from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from beattrack import __version__
from beattrack.formats import encode
from beattrack.formats.readers import read_beats
from beattrack.result import Beats
from tests.example_beats import any_beats, make_beats
from tests.timing_cases import recording, song

# Keys that the schema of JAMS 0.3 requires, and all that it allows.
ANNOTATION = {"annotation_metadata", "data", "sandbox", "namespace", "time", "duration"}
METADATA = {
    *("annotation_rules", "annotation_tools", "annotator", "corpus", "curator"),
    *("data_source", "validation", "version"),
}
FILE = {"artist", "duration", "identifiers", "jams_version", "release", "title"}


def check_schema(record: dict[str, Any]) -> None:
    assert set(record) == {"file_metadata", "annotations", "sandbox"}
    assert set(record["file_metadata"]) == FILE
    for annotation in record["annotations"]:
        assert set(annotation) == ANNOTATION
        assert set(annotation["annotation_metadata"]) == METADATA
        for row in annotation["data"]:
            assert set(row) == {"time", "duration", "value", "confidence"}
            assert row["time"] >= 0
            assert row["duration"] >= 0
            if annotation["namespace"] == "tempo":
                assert row["value"] >= 0
                assert 0 <= row["confidence"] <= 1


@given(any_beats())
@settings(max_examples=40, deadline=None)
def test_any_file_keeps_to_the_schema(beats: Beats) -> None:
    record = json.loads(encode(beats, "jams"))
    check_schema(record)
    rows = record["annotations"][0]["data"]
    assert [row["time"] for row in rows] == beats.times.tolist()


def test_the_jams_package_validates_it(tmp_path: Path) -> None:
    jams = pytest.importorskip("jams")
    for beats in (make_beats(), make_beats(positions=None), recording([], [])):
        (tmp_path / "a.jams").write_bytes(encode(beats, "jams"))
        found = jams.load(str(tmp_path / "a.jams"), validate=True, strict=True)
        (annotation,) = found.search(namespace="beat")
        assert [row.time for row in annotation.data] == beats.times.tolist()
        assert len(found.search(namespace="tempo")) == (beats.tempo is not None)


def test_versions_and_settings_are_in_the_sandbox() -> None:
    about = json.loads(encode(make_beats(), "jams"))["sandbox"]["beattrack"]
    assert about["beattrack"] == __version__
    assert (about["model"], about["decoder"]["name"], about["metre"]) == ("tcn", "dbn", 4)


def test_it_is_read_back(tmp_path: Path) -> None:
    beats = song(60)
    (tmp_path / "a.jams").write_bytes(encode(beats, "jams"))
    found = read_beats(tmp_path / "a.jams")
    assert np.array_equal(found.times, beats.times)
    assert np.array_equal(found.positions, beats.positions)  # type: ignore[arg-type]
    assert found.tempo == pytest.approx(beats.bpm)
    assert found.duration == beats.duration
