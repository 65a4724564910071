from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack import __version__
from beattrack.errors import SettingsError
from beattrack.formats import (
    FORMATS,
    BeatsWriter,
    CsvWriter,
    JsonWriter,
    format_for,
    writer_for,
    writer_named,
)
from beattrack.formats.milliseconds import milliseconds, seconds_text
from beattrack.result import Beats
from tests.example_beats import any_beats, make_beats


def data_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def header(text: str) -> dict[str, str]:
    lines = (line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    return dict(line.split(": ", 1) for line in lines)


def test_beats_file_to_the_letter() -> None:
    text = BeatsWriter().render(make_beats())
    assert text.splitlines()[0] == "# tempo_bpm: 120.00"
    assert header(text) == {
        "tempo_bpm": "120.00",
        "tempo_candidates": "120.00 (0.94), 60.00 (0.06)",
        "tempo_stability": "0.0000",
        "metre": "4",
        "beats": "8",
        "confidence": "0.550",
        "duration": "5.000",
        "model": "tcn",
        "decoder": "dbn",
        "decoder_settings": '{"min_bpm": 55.0, "beats_per_bar": [3, 4]}',
        "beattrack": __version__,
    }
    assert data_lines(text)[:3] == ["0.500\t3", "1.000\t4", "1.500\t1"]
    assert text.endswith("4.000\t2\n")


def test_a_reason_is_part_of_the_header() -> None:
    reason = "no beats: the recording is silent or a steady sound"
    assert header(BeatsWriter().render(make_beats(reason=reason)))["reason"] == reason
    assert "reason" not in header(BeatsWriter().render(make_beats()))


def test_beats_alone_are_a_single_column() -> None:
    text = BeatsWriter().render(make_beats(positions=None, metre=None))
    assert data_lines(text)[:2] == ["0.500", "1.000"]
    assert header(text)["metre"] == "none"


def test_no_beats_are_a_header_alone(tmp_path: Path) -> None:
    text = BeatsWriter().render(Beats(times=[], positions=[], confidence=[], duration=1.0))  # type: ignore[arg-type]
    assert text.startswith("# tempo_bpm: none\n")
    assert data_lines(text) == []
    (tmp_path / "a.beats").write_text(text)
    with pytest.warns(UserWarning, match="no data"):
        assert np.loadtxt(tmp_path / "a.beats").size == 0


def test_numpy_and_mir_eval_read_beats_files(tmp_path: Path) -> None:
    mir_eval = pytest.importorskip("mir_eval.io")
    beats = make_beats(model="M\u00fcsik\n# 2", decoder={"name": "dbn", "settings": {"x": "a\u2028b"}})
    beats.save(tmp_path / "a.beats")
    table = np.loadtxt(tmp_path / "a.beats")
    assert table[:, 0].tolist() == beats.times.tolist()
    assert beats.positions is not None
    assert table[:, 1].tolist() == beats.positions.tolist()
    times, labels = mir_eval.load_labeled_events(str(tmp_path / "a.beats"))
    assert times.tolist() == beats.times.tolist()
    assert labels[:3] == ["3", "4", "1"]
    make_beats(positions=None).save(tmp_path / "b.beats")
    assert mir_eval.load_events(str(tmp_path / "b.beats")).tolist() == beats.times.tolist()
    assert np.loadtxt(tmp_path / "b.beats").tolist() == beats.times.tolist()


@given(any_beats())
@settings(max_examples=50)
def test_any_beats_file_reads_back(beats: Beats) -> None:
    text = BeatsWriter().render(beats)
    assert text.isascii()
    lines = data_lines(text)
    assert len(lines) == len(beats)
    if len(beats):
        table = np.loadtxt(io.StringIO(text), ndmin=2)
        times = table[:, 0]
        assert (np.diff(times) > 0).all()
        crowd = np.array([np.sum(np.abs(beats.times - t) < 0.05) for t in beats.times])
        assert (np.abs(times - beats.times) <= 0.0006 + 0.001 * crowd).all()
        assert table.shape[1] == (1 if beats.positions is None else 2)
        if beats.positions is not None:
            assert table[:, 1].tolist() == beats.positions.tolist()


@given(any_beats())
@settings(max_examples=50)
def test_any_json_file_reads_back_the_same(beats: Beats) -> None:
    text = JsonWriter().render(beats)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    record = json.loads(text.encode("utf-8"), parse_constant=refuse)
    assert record == beats.to_dict()
    assert Beats.from_dict(record) == beats


def test_json_has_a_line_for_each_beat() -> None:
    lines = JsonWriter().render(make_beats()).splitlines()
    assert lines[0] == "{"
    assert lines[-11:-8] == [
        '  "beats": [',
        '    {"time": 0.5, "position": 3, "confidence": 0.2},',
        '    {"time": 1.0, "position": 4, "confidence": 0.3},',
    ]
    assert lines[-2:] == ["  ]", "}"]


@given(any_beats())
@settings(max_examples=50)
def test_any_csv_file_reads_back(beats: Beats) -> None:
    rows = list(csv.DictReader(io.StringIO(CsvWriter().render(beats))))
    assert len(rows) == len(beats)
    assert [row["time"] for row in rows] == list(seconds_text(beats.times))
    positions = [None] * len(beats) if beats.positions is None else beats.positions.tolist()
    assert [int(row["position"]) if row["position"] else None for row in rows] == positions
    assert np.allclose([float(row["confidence"]) for row in rows], beats.confidence, atol=1e-4)


def test_csv_file_to_the_letter() -> None:
    assert CsvWriter().render(make_beats()).splitlines()[:2] == ["time,position,confidence", "0.500,3,0.2000"]
    assert CsvWriter().render(make_beats(positions=None)).splitlines()[1] == "0.500,,0.2000"


@given(st.lists(st.floats(0, 1e6), unique=True).map(sorted))
def test_milliseconds_stay_distinct_and_near(times: list[float]) -> None:
    counts = list(milliseconds(times))
    assert all(a < b for a, b in pairwise(counts))
    apart = all(b - a >= 0.002 for a, b in pairwise(times))
    if apart:
        assert all(abs(count / 1000 - time) <= 0.000501 for count, time in zip(counts, times, strict=True))


def test_times_that_round_together_are_kept_apart() -> None:
    assert list(seconds_text([1.0001, 1.0002, 1.0003, 59.9999])) == ["1.000", "1.001", "1.002", "60.000"]


def test_writers_by_name_and_by_suffix() -> None:
    assert [writer_named(name).suffix for name in FORMATS] == [".beats", ".json", ".csv"]
    assert isinstance(writer_for("blues.00000.JSON"), JsonWriter)
    with pytest.raises(SettingsError, match="one of beats, json, csv"):
        writer_named("midi")  # type: ignore[arg-type]
    for name in ("song", "song.txt", "/dev/stdout"):
        assert format_for(name) == "beats"
    with pytest.raises(SettingsError, match="one of beats, json, csv"):
        writer_named(["beats"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.mid", "a.jams", "a.wav", "a.beats.gz", "song 1.5", "a.xml"])
def test_a_foreign_suffix_is_refused_with_the_formats_there_are(name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        writer_for(name)
    expected = f"{name}: unknown output format; use one of .beats, .json, .csv, or name the format"
    assert str(raised.value) == expected
