from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.confidence.certainty import CHECK_BELOW
from beattrack.result import Beats
from tests.cli_cases import lines, run, usage_error


def test_confidence_of_a_recording(clip: Path) -> None:
    plain = json.loads(run("predict", "--quiet", "--format", "json", clip).stdout)
    result = run("predict", "--format", "json", "--confidence", clip)
    record = json.loads(result.stdout)
    assert "certainty" not in plain
    assert 0 < record["certainty"] < 1
    assert 0 < record["tempo"]["confidence"] < 1
    assert 0 < record["metre_confidence"] < 1
    assert all(0 <= row["downbeat_confidence"] <= 1 for row in record["beats"])
    assert [row["time"] for row in record["beats"]] == [row["time"] for row in plain["beats"]]
    assert [row["confidence"] for row in record["beats"]] != [row["confidence"] for row in plain["beats"]]
    assert f", certainty {record['certainty']:.2f}, " in result.stderr
    assert result.stderr.endswith("check this one\n") == (record["certainty"] < CHECK_BELOW)
    assert Beats.from_dict(record).to_dict() == record
    assert "certainty" not in run("predict", clip).output


def test_confidence_in_tables(clip: Path) -> None:
    beats = run("predict", "--quiet", "--confidence", clip).stdout
    certainty = [line for line in lines(beats) if line.startswith("# certainty: ")]
    assert len(certainty) == 1
    assert np.loadtxt(lines(beats)).shape[1] == 2
    table = run("predict", "--quiet", "--confidence", "--format", "csv", clip).stdout
    assert lines(table)[0] == "time,position,confidence"


@pytest.fixture
def weak(tmp_path: Path) -> Path:
    """Activations of beats that the network is hardly sure of."""
    beats = np.full(2000, 0.02, np.float32)
    beats[25::50] = 0.12
    Activations(beats, beats / 3, 100.0).save(tmp_path / "weak.npz")
    return tmp_path / "weak.npz"


def test_a_doubtful_file_is_to_be_checked(weak: Path) -> None:
    result = run("decode", "--confidence", weak)
    assert result.exit_code == 0
    assert lines(result.stderr)[-1].endswith(" s; check this one")
    assert "check this one" not in run("decode", weak).output


@pytest.mark.parametrize("command", ["predict", "decode"])
def test_a_decoder_without_posteriors_is_refused_before_any_work(
    weak: Path, clip: Path, command: str
) -> None:
    source = clip if command == "predict" else weak
    message = usage_error(command, "--confidence", "--decoder", "peaks", source)
    assert "the decoder 'peaks' has no calibrated confidence; use the decoder 'dbn'" in message


def test_beats_on_a_grid_keep_their_confidence(clip: Path) -> None:
    found = [
        json.loads(run("predict", "--quiet", "--format", "json", "--confidence", *options, clip).stdout)
        for options in ([], ["--grid"])
    ]
    assert found[0]["certainty"] == found[1]["certainty"]
    tracked = {row["downbeat_confidence"] for row in found[0]["beats"]}
    assert {row["downbeat_confidence"] for row in found[1]["beats"]} <= {0.0, *tracked}


def test_a_batch_can_be_sorted(two: tuple[Path, Path]) -> None:
    out = two[0].parent / "out"
    assert run("predict", "--confidence", "--jobs", 2, "--format", "json", "-o", out, *two).exit_code == 0
    values = [json.loads(path.read_text())["certainty"] for path in sorted(out.glob("*.json"))]
    assert len(values) == 2
