from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beattrack.activations import Activations
from tests.cli_cases import lines, names, run, usage_error


def test_activations_saved_and_decoded_give_the_same_beats(clip: Path) -> None:
    saved = clip.with_name("saved.npz")
    predicted = run("predict", "--activations", saved, clip)
    decoded = run("decode", saved)
    assert predicted.exit_code == decoded.exit_code == 0
    assert np.array_equal(np.loadtxt(lines(predicted.stdout)), np.loadtxt(lines(decoded.stdout)))
    assert lines(predicted.stdout)[0] == lines(decoded.stdout)[0]
    assert decoded.stderr.startswith(f"{saved}: ")


def test_activations_of_several_files_go_into_a_folder(two: tuple[Path, Path]) -> None:
    folder = two[0].parent / "activations"
    out = two[0].parent / "out"
    assert run("predict", "--activations", folder, "-o", out, *two).exit_code == 0
    assert names(folder) == ["blues.00000.npz", "rock.00001.npz"]
    assert run("decode", "--quiet", *sorted(folder.iterdir())).exit_code == 0
    for name in ("blues.00000.beats", "rock.00001.beats"):
        assert np.array_equal(np.loadtxt(folder / name), np.loadtxt(out / name))


@pytest.fixture
def pulses(tmp_path: Path) -> Path:
    """Activations with a beat each half second, of beats only."""
    beats = np.full(1000, 0.01, np.float32)
    beats[25::50] = 0.9
    Activations(beats, None, 100.0).save(tmp_path / "pulses.npz")
    return tmp_path / "pulses.npz"


def test_decode_without_downbeats_tracks_beats_only(pulses: Path) -> None:
    result = run("decode", pulses)
    table = np.loadtxt(lines(result.stdout))
    assert table.ndim == 1
    assert np.allclose(np.diff(table), 0.5)
    assert lines(result.stdout)[0] == "# tempo_bpm: 120.00"
    assert "# model: " not in result.stdout


def test_decode_takes_the_options_of_predict(pulses: Path) -> None:
    record = json.loads(run("decode", "--quiet", "--format", "json", "--max-bpm", 70, pulses).stdout)
    assert record["tempo"]["bpm"] == pytest.approx(60, rel=0.02)
    assert record["model"] is None
    assert record["decoder"]["settings"]["max_bpm"] == 70
    run("decode", "--quiet", "-o", pulses.with_name("a.csv"), "--decoder", "peaks", pulses)
    assert pulses.with_name("a.csv").read_text().startswith("time,position,confidence\n0.250,,0.9000\n")
    assert "has no option" in usage_error("decode", "--decoder", "peaks", "--beats-per-bar", "4", pulses)
    assert "is an input" in usage_error("decode", "--format", "csv", "-o", pulses, pulses)


def test_decode_of_what_is_no_activations_fails_alone(pulses: Path) -> None:
    broken = pulses.with_name("broken.npz")
    broken.write_bytes(b"PK\x03\x04 not really")
    empty = pulses.with_name("empty.npz")
    np.savez(empty, fps=100.0)
    result = run("decode", broken, empty, pulses.with_name("none.npz"), pulses)
    assert result.exit_code == 1
    report = lines(result.stderr)
    assert [line.startswith("beattrack: ") for line in report] == [True, True, True, False, False]
    assert report[1] == f"beattrack: {empty}: has no array beats"
    assert pulses.with_name("pulses.beats").exists()
