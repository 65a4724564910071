from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beattrack.cli.outputs import alternative_name
from beattrack.formats.readers import read_beats
from tests.cli_cases import names, run, usage_error


def test_a_second_file_and_the_first_unchanged(clip: Path) -> None:
    plain, out = clip.with_name("plain.beats"), clip.with_name("song.beats")
    run("predict", "-o", plain, clip)
    result = run("predict", "--alternatives", "-o", out, clip)
    assert (result.exit_code, result.stdout) == (0, "")
    assert out.read_bytes() == plain.read_bytes()
    first, second = read_beats(out), read_beats(clip.with_name("song.alternative.beats"))
    assert first.tempo is not None
    assert second.tempo == pytest.approx(first.tempo / 2, rel=0.02)
    assert np.abs(second.times[:, None] - first.times).min(axis=1).max() < 0.02


def test_json_on_standard_output_holds_both(clip: Path) -> None:
    saved = clip.with_name("a.npz")
    result = run("predict", "--alternatives", "--format", "json", "--activations", saved, clip)
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert record["alternative"]["tempo"]["bpm"] == pytest.approx(60, abs=1)
    assert "alternative" not in record["alternative"]
    assert "alternative" not in json.loads(run("predict", "--format", "json", clip).stdout)
    decoded = json.loads(run("decode", "--alternatives", "--format", "json", saved).stdout)
    assert decoded["alternative"]["beats"] == record["alternative"]["beats"]


@pytest.mark.parametrize("options", [(), ("-o", "-"), ("--format", "csv")])
def test_other_formats_need_a_file(clip: Path, options: tuple[str, ...]) -> None:
    assert "--alternatives writes a second file; give one with -o" in usage_error(
        "predict", "--alternatives", *options, clip
    )


def test_every_format_of_every_file_has_one(two: tuple[Path, Path]) -> None:
    out = two[0].parent / "out"
    formats = ("--format", "json", "--format", "sv-csv", "--name-template", "{name} beats{suffix}")
    arguments = ("predict", "--alternatives", *formats, "-o", out, "--skip-existing", *two)
    assert run(*arguments).exit_code == 0
    stems = ["blues.00000 beats", "rock.00001 beats"]
    suffixes = (".json", ".sv.csv", ".alternative.json", ".alternative.sv.csv")
    assert names(out) == sorted(f"{stem}{suffix}" for stem in stems for suffix in suffixes)
    assert run(*arguments).stderr.startswith("2 files: 2 skipped")
    missing = out / "rock.00001 beats.alternative.sv.csv"
    missing.unlink()
    assert "1 tracked, 1 skipped" in run(*arguments).stderr
    assert missing.exists()


def test_a_file_that_would_be_overwritten(clip: Path) -> None:
    song = clip.rename(clip.with_name("song.alternative.flac"))
    assert "is an input and would be overwritten" in usage_error(
        "predict", "--alternatives", "--format", "beats", "-o", song.with_name("song.flac"), song
    )
    assert "would both be written to" in usage_error(
        "predict",
        *("--alternatives", "-o", song.with_name("a.csv")),
        *("--tempo-curve", song.with_name("a.alternative.csv"), song),
    )
    assert names(song.parent) == [song.name]


def test_the_range_that_was_given_limits_it(clip: Path) -> None:
    out = clip.with_name("a.beats")
    options = ("--min-bpm", 100, "--max-bpm", 140)
    assert run("predict", "--alternatives", *options, "-o", out, clip).exit_code == 0
    text = clip.with_name("a.alternative.beats").read_text()
    assert "# beats: 0\n" in text
    assert "# reason: no beats: there is no other tempo within the tempo range\n" in text


def test_both_readings_are_put_on_a_grid(clip: Path) -> None:
    record = json.loads(run("predict", "--alternatives", "--grid", "--format", "json", clip).stdout)
    assert record["grid"]["gridable"]
    assert record["alternative"]["grid"]["gridable"]


def test_peak_picking_has_none(clip: Path) -> None:
    assert "--alternatives needs a decoder with a tempo range" in usage_error(
        "predict", "--alternatives", "--decoder", "peaks", "--format", "json", clip
    )


@pytest.mark.parametrize(
    ("name", "format", "other"),
    [
        ("a.beats", "beats", "a.alternative.beats"),
        ("a.b.SV.CSV", "sv-csv", "a.b.alternative.SV.CSV"),
        ("a.txt", "beats", "a.alternative.txt"),
        ("a", "beats", "a.alternative"),
        (".beats", "beats", ".alternative.beats"),
    ],
)
def test_names(name: str, format: str, other: str) -> None:
    assert alternative_name(Path("x") / name, format) == Path("x") / other  # type: ignore[arg-type]


def test_confidence_judges_one_reading() -> None:
    assert "leave out --alternatives" in usage_error("decode", "song.npz", "--alternatives", "--confidence")
