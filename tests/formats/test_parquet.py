from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from beattrack.errors import MissingExtraError
from beattrack.formats.parquet import encode_rows, failed_row, require_pyarrow, row_of, schema, size_of
from beattrack.version import __version__
from tests.example_beats import make_beats

BEATS = make_beats()


def read(data: bytes) -> Any:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'cluster'")
    return parquet.read_table(io.BytesIO(data))


def test_a_row_holds_what_json_holds() -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")
    (row,) = read(encode_rows([row_of(BEATS, "song.wav", ["is odd"])])).to_pylist()
    record = BEATS.to_dict()
    assert row["times"] == [beat["time"] for beat in record["beats"]]
    assert row["positions"] == [beat["position"] for beat in record["beats"]]
    assert row["beat_confidence"] == pytest.approx([beat["confidence"] for beat in record["beats"]], abs=1e-6)
    assert row["tempo"] == record["tempo"]["bpm"]
    strengths = {c["bpm"]: c["strength"] for c in record["tempo"]["candidates"]}
    assert row["tempo_strength"] == strengths.pop(row["tempo"])
    assert row["tempo_alternative"] == next(iter(strengths), None)
    for name in ("duration", "metre", "confidence", "reason", "model"):
        assert row[name] == record[name]
    assert (row["file"], row["error"], row["warnings"]) == ("song.wav", None, ["is odd"])
    assert row["beattrack"] == __version__


def test_no_beats_and_no_positions_are_empty_and_null() -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")
    silent = replace(
        BEATS,
        times=np.zeros(0),
        positions=None,
        confidence=np.zeros(0),
        tempo=None,
        metre=None,
        certainty=None,
        grid=None,
    )
    (row,) = read(encode_rows([row_of(silent, "a")])).to_pylist()
    assert (row["times"], row["positions"], row["beat_confidence"]) == ([], None, [])
    assert (row["tempo"], row["metre"], row["confidence"]) == (None, None, None)


def test_a_failure_is_a_row_with_its_reason() -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")
    table = read(encode_rows([failed_row("bad\udcff.wav", "is empty (0 bytes)"), row_of(BEATS, "b")]))
    first, second = table.to_pylist()
    assert first["file"] == "bad?.wav"
    assert first["error"] == "is empty (0 bytes)"
    filled = {name for name, value in first.items() if value is not None}
    assert filled == {"file", "error", "warnings", "beattrack"}
    assert second["error"] is None


def test_the_schema_is_fixed_and_versioned() -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")
    table = read(encode_rows([failed_row("a", "b")]))
    assert table.schema.equals(schema(), check_metadata=False)
    assert table.schema.metadata[b"beattrack"] == __version__.encode()
    assert table.schema.metadata[b"beattrack_schema"] == b"1"
    assert not table.schema.field("file").nullable


def test_the_size_of_a_row_grows_with_its_beats() -> None:
    assert size_of(row_of(BEATS, "a")) == size_of(failed_row("a", "b")) + 24 * len(BEATS)


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"--format parquet needs the package 'pyarrow'.*\[cluster\]"):
        require_pyarrow()
