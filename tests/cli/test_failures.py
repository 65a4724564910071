from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile

import beattrack
from beattrack.cli.report import prepared
from beattrack.tracker import BeatTracker
from tests.cli_cases import RATE, lines, names, run


def test_one_bad_file_never_stops_the_others(two: tuple[Path, Path]) -> None:
    text = two[0].with_name("notes.txt")
    text.write_text("not audio at all, but long enough to be looked at\n" * 20)
    absent = two[0].with_name("absent.wav")
    result = run("predict", two[0], text, absent, two[0].parent, two[1], "-o", two[0].parent / "out")
    assert result.exit_code == 1
    report = lines(result.stderr)
    assert [line.split(": ")[0] for line in report] == [
        str(two[0]),
        *["beattrack"] * 3,
        str(two[1]),
        "5 files",
    ]
    for line, path in zip(report[1:4], (text, absent, two[0].parent), strict=True):
        assert line.startswith(f"beattrack: {path}: ")
        assert line.count(str(path)) == 1
    assert names(two[0].parent / "out") == ["blues.00000.beats", "rock.00001.beats"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (PermissionError(13, "Permission denied", "a/b"), "a/b: Permission denied"),
        (OSError("no number"), "no number"),
    ],
)
def test_errors_of_the_system_are_one_sentence(error: OSError, sentence: str) -> None:
    with pytest.raises(click.ClickException) as caught, prepared():
        raise error
    assert caught.value.message == sentence


def test_what_cannot_be_written_is_one_line(clip: Path) -> None:
    result = run("predict", "-o", clip.with_name("x" * 300), clip)
    assert (result.exit_code, len(lines(result.stderr))) == (1, 1)
    assert f"{clip}: File name too long" in result.stderr
    assert names(clip.parent) == [clip.name]


def test_not_enough_memory_is_one_line(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(BeatTracker, "analyse", fail)
    result = run("predict", clip)
    assert (result.exit_code, result.stderr) == (1, f"beattrack: {clip}: not enough memory\n")


def test_names_of_any_characters(clip: Path) -> None:
    odd = clip.rename(clip.with_name("-\u00fc \U0001f941\n\x1b[31m.flac"))
    result = run("predict", "--", odd)
    assert result.exit_code == 0
    assert len(lines(result.stderr)) == 1
    assert "\x1b" not in result.stderr
    record = json.loads(run("predict", "--format", "json", "--", odd).stdout)
    assert record["file"] == str(odd)


def test_silence_and_a_moment_of_sound_have_no_beats(clip: Path) -> None:
    for samples in (np.zeros(RATE * 5), np.zeros(10)):
        soundfile.write(clip.with_name("quiet.wav"), samples, RATE)
        result = run("predict", clip.with_name("quiet.wav"))
        assert result.exit_code == 0
        assert lines(result.stdout)[0] == "# tempo_bpm: none"
        assert all(line.startswith("# ") for line in lines(result.stdout))
        assert ": no beats, " in result.stderr


def test_a_warning_is_one_line_and_comes_once(clip: Path) -> None:
    wav = clip.with_name("cut.wav")
    soundfile.write(wav, soundfile.read(clip)[0], RATE)
    wav.write_bytes(wav.read_bytes()[:-100_000])
    result = run("predict", "--quiet", wav)
    assert result.exit_code == 0
    assert len(lines(result.stderr)) == 1
    assert result.stderr.startswith("beattrack: warning: ")
    assert "cut.wav" in result.stderr


def test_interrupted_in_the_middle_nothing_half_is_left(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def interrupt(source: Any, target: Any) -> None:
        if "rock" in str(target):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupt)
    result = run("predict", "--quiet", *two)
    assert (result.exit_code, result.stderr) == (130, "beattrack: interrupted\n")
    assert names(two[0].parent) == ["blues.00000.beats", "blues.00000.flac", "rock.00001.flac"]


def test_a_reader_that_goes_away_is_met_with_silence() -> None:
    """As in `beattrack models | head -0`: the reading end is closed before anything is written."""
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "PYTHONPATH": str(Path(beattrack.__file__).parents[1])}
    command = [sys.executable, "-m", "beattrack", "models"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
