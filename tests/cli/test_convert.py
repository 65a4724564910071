from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beattrack.formats import FORMAT_TABLE, FORMATS, Format
from beattrack.formats.readers import read_beats
from tests.cli_cases import lines, names, run, usage_error
from tests.timing_cases import song

READABLE: tuple[Format, ...] = ("beats", "json", "csv", "audacity", "sv", "sv-csv", "jams")


@pytest.fixture
def beats(tmp_path: Path) -> Path:
    song(20).save(tmp_path / "song.beats")
    return tmp_path / "song.beats"


@pytest.mark.parametrize("first", READABLE)
@pytest.mark.parametrize("second", READABLE)
def test_what_is_read_is_written(first: Format, second: Format, tmp_path: Path) -> None:
    beats = song(20)
    one, other = tmp_path / "one", tmp_path / "other"
    beats.save(one, first)
    result = run("convert", "--to", second, "-o", other, one)
    assert (result.exit_code, result.stdout) == (0, "")
    found = read_beats(other)
    assert np.abs(found.times - beats.times).max() < 0.0011
    assert np.array_equal(found.positions, beats.positions)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_written(format: Format, beats: Path) -> None:
    result = run("convert", "--quiet", "--to", format, "-o", f"{beats.parent}/out/", beats)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    (path,) = (beats.parent / "out").iterdir()
    assert path.name == f"song{FORMAT_TABLE[format].suffix}"
    assert path.stat().st_size > 100


def test_json_keeps_all_that_it_holds(tmp_path: Path) -> None:
    before = song(20)
    before.save(tmp_path / "a.json")
    assert run("convert", "-o", tmp_path / "b.json", tmp_path / "a.json").exit_code == 0
    assert (tmp_path / "b.json").read_text() == before.to_text("json")


def test_other_tools_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "madmom.txt").write_text("0.5\t4\n1.0\t1\n1.5\t2\n2.0\t3\n2.5\t4\n")
    (tmp_path / "allin1.json").write_text(
        json.dumps(
            {"bpm": 120, "beats": [0.5, 1, 1.5, 2, 2.5], "downbeats": [1], "beat_positions": [4, 1, 2, 3, 4]}
        )
    )
    (tmp_path / "marked.txt").write_text("0.5\n1.0\t1\n1.5\n2.0\n2.5\n")
    for name in ("madmom.txt", "allin1.json", "marked.txt"):
        result = run("convert", "--quiet", "--to", "csv", tmp_path / name)
        assert result.exit_code == 0
        assert lines(result.stdout)[1:3] == ["0.500,4,1.0000", "1.000,1,1.0000"]


def test_beats_before_the_recording_are_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-0.5\n0.0\n0.5\n1.0\n")
    result = run("convert", "--quiet", "--to", "csv", tmp_path / "a.txt")
    assert lines(result.stdout)[1] == "0.000,,1.0000"
    assert "beattrack: warning: " in result.stderr
    assert ": beats before 0 s were left out" in result.stderr


def test_several_formats_and_names(beats: Path) -> None:
    folder = beats.parent / "out"
    both = ("convert", "--quiet", "--to", "midi", "--to", "audacity", "--to", "midi")
    assert run(*both, "-o", folder, beats).exit_code == 0
    assert names(folder) == ["song.mid", "song.txt"]
    template = ("--name-template", "{format}/{name}-grid{suffix}")
    assert run(*both, *template, "-o", beats.parent / "deep", beats).exit_code == 0
    assert names(beats.parent / "deep") == ["audacity/song-grid.txt", "midi/song-grid.mid"]
    assert run(*both, beats).exit_code == 0
    assert names(beats.parent)[-3:] == ["song.beats", "song.mid", "song.txt"]


def test_binary_formats_go_to_standard_output(beats: Path) -> None:
    assert run("convert", "--quiet", "--to", "midi", beats).stdout_bytes.startswith(b"MThd")
    assert run("convert", "--quiet", "--to", "dawproject", "-o", "-", beats).stdout_bytes.startswith(b"PK")


def test_units_and_rates(beats: Path) -> None:
    def first(*options: object) -> str:
        return lines(run("convert", "--quiet", *options, beats).stdout)[1]

    time = read_beats(beats).times[0]
    assert first("--to", "csv", "--units", "ms").split(",")[0] == str(round(time * 1000))
    assert first("--to", "csv", "--units", "frames").split(",")[0] == str(round(time * 100))
    assert first("--to", "csv", "--units", "samples", "--rate", 48000).split(",")[0] == str(
        round(time * 48000)
    )
    in_samples = beats.with_name("samples.beats")
    run("convert", "--to", "beats", "--units", "samples", "--rate", 48000, "-o", in_samples, beats)
    assert np.allclose(read_beats(in_samples).times, read_beats(beats).times, atol=1e-4)
    unknown = run("convert", "--to", "csv", "--units", "samples", beats)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "its sample rate is not known; state it with --rate" in unknown.stderr


def test_wrong_options_are_one_line(beats: Path) -> None:
    assert "has no --units ms" in usage_error("convert", "--to", "midi", "--units", "ms", beats)
    for option in ("--rate", "--tolerance", "--fps"):
        assert "does not apply to the format csv or json" in usage_error(
            "convert", "--to", "csv", "--to", "json", option, 30, beats
        )
        assert " must be a finite number, not nan" in usage_error(
            "convert", "--to", "edl", "--to", "sv", "--to", "midi", option, "nan", beats
        )
    assert "or name the format (--to)" in usage_error("convert", "-o", beats.with_name("a.foo"), beats)
    assert "standard input" in usage_error("convert", "--to", "midi", "-")
    assert "is an input" in usage_error("convert", "--to", "beats", "-o", beats, beats)
    assert "unknown output format" in usage_error("convert", "-o", beats.with_name("a.xml"), beats)
    assert "only one file can go" in usage_error("convert", "--to", "midi", "--to", "osu", "-o", "-", beats)
    assert "give a folder with -o" in usage_error(
        "convert", "--to", "midi", "--to", "osu", "-o", beats, beats
    )
    folder = beats.parent / "new/"
    for template in ("{artist}", "{stem}", "{", "{name.x}", "{0}", "{name[z]}"):
        message = usage_error("convert", "--name-template", template, "-o", f"{folder}/", beats)
        assert "have values" in message
    for template in ("", "/etc/{name}", "../{name}", "{name}/", ".", ".."):
        message = usage_error("convert", "--name-template", template, "-o", f"{folder}/", beats)
        assert "gives no names of files" in message
    one_name = ("--name-template", "all{suffix}", "-o", f"{folder}/")
    other = beats.with_name("other.beats")
    assert "would both be written" in usage_error("convert", *one_name, beats, other)
    assert "--name-template names files" in usage_error("convert", "--name-template", "x", beats)
    assert not folder.exists()


def test_a_file_that_is_no_beats_fails_alone(beats: Path) -> None:
    broken = beats.with_name("broken.txt")
    broken.write_text("hello world, this is prose\n")
    damaged = beats.with_name("damaged.json")
    damaged.write_text('{"schema_version": 1, "beats": [{"time": "x"}]}')
    result = run("convert", "--to", "midi", broken, damaged, beats.with_name("none.txt"), beats)
    assert result.exit_code == 1
    assert [line.startswith("beattrack: ") for line in lines(result.stderr)[:3]] == [True] * 3
    assert names(beats.parent) == ["broken.txt", "damaged.json", "song.beats", "song.mid"]


def test_video_frames_and_samples_are_stated_apart(beats: Path) -> None:
    both = ("--to", "edl", "--to", "sv", "--fps", 25, "--rate", 48000, "-o", beats.parent)
    assert run("convert", "--quiet", *both, beats).exit_code == 0
    time = read_beats(beats).times[0]
    assert f" 01:00:00:{round(time * 25):02d} " in beats.with_suffix(".edl").read_text()
    assert 'sampleRate="48000"' in beats.with_suffix(".svl").read_text()
