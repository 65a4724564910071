from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli_cases import run


def test_predict_puts_the_beats_on_a_grid(clip: Path) -> None:
    result = run("predict", "--grid", "--format", "json", clip)
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    grid = record["grid"]
    assert grid["gridable"]
    assert set(grid) == {"gridable", "sentence", "pieces", "residuals"}
    (piece,) = grid["pieces"]
    assert set(piece) == {"start", "end", "bpm", "offset", "beats"}
    times = [beat["time"] for beat in record["beats"]]
    grid_times = (piece["offset"] + np.arange(len(times)) * 60 / piece["bpm"]).clip(0, record["duration"])
    np.testing.assert_allclose(times, grid_times, atol=1e-6)
    assert len(grid["residuals"]) == piece["beats"] == len(times)
    assert result.stderr.rstrip().endswith(f"s; {grid['sentence']}")
    assert "grid" not in json.loads(run("predict", "--format", "json", clip).stdout)


def test_a_djs_file_has_one_tempo(clip: Path) -> None:
    text = run("predict", "--grid", "--format", "rekordbox", clip).stdout
    assert text.count("<TEMPO") == 1
    simfile = run("predict", "--grid", "--format", "stepmania", clip).stdout
    assert simfile.split("#BPMS:")[1].count("=") == 1


def test_convert_does_so_for_beats_of_any_tool(tmp_path: Path) -> None:
    jitter = np.random.default_rng(0).uniform(-0.01, 0.01, 200)
    times = 0.5 + np.arange(200) * 60 / 126.5 + jitter
    np.savetxt(tmp_path / "a.txt", np.delete(times, 40), "%.3f")
    result = run("convert", "--to", "stepmania", "--grid", "--tolerance", 1, tmp_path / "a.txt")
    assert result.exit_code == 0
    assert "; gridable: 126.499 BPM from 0.500 s, all beats within 12 ms" in result.stderr
    assert result.stdout.split("#BPMS:")[1].count("=") == 1


def test_what_has_no_grid_stays_as_it_is(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.txt", np.cumsum(np.tile([0.6, 0.4], 20)), "%.3f")
    plain = run("convert", "--to", "csv", tmp_path / "a.txt")
    gridded = run("convert", "--to", "csv", "--grid", tmp_path / "a.txt")
    assert gridded.stdout == plain.stdout
    assert gridded.exit_code == 0
    assert "; not gridable: " in gridded.stderr
