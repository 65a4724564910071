from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from beattrack.cli.outputs import output_name
from beattrack.registry import models_folder
from beattrack.result import Beats
from tests.audio_cases import encoded, needs_ffmpeg, run_ffmpeg
from tests.cli_cases import RATE, lines, names, run, usage_error


def test_one_file_goes_to_standard_output(clip: Path) -> None:
    result = run("predict", clip)
    assert result.exit_code == 0
    assert lines(result.stdout)[0].startswith("# tempo_bpm: 1")
    table = np.loadtxt(lines(result.stdout))
    assert table.shape[1] == 2
    assert (np.diff(table[:, 0]) > 0).all()
    assert names(clip.parent) == [clip.name]
    assert run("predict", "-o", "-", clip).stdout == result.stdout


def test_a_summary_of_each_file_unless_quiet(clip: Path) -> None:
    summary = run("predict", clip).stderr
    assert len(lines(summary)) == 1
    assert summary.startswith(f"{clip}: ")
    for part in (" BPM, ", " beats a bar, ", " beats, ", " s\n"):
        assert part in summary
    assert run("predict", "--quiet", clip).stderr == ""


def test_why_there_are_no_beats_is_said_and_written(tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(3 * RATE), RATE)
    result = run("predict", "-o", tmp_path / "out.json", silence)
    reason = "no beats: the recording is silent or a steady sound"
    assert result.exit_code == 0
    assert lines(result.stderr)[0] == f"beattrack: warning: {silence}: {reason}"
    assert json.loads((tmp_path / "out.json").read_text())["reason"] == reason
    assert f"# reason: {reason}" in lines(run("predict", "--quiet", silence).stdout)


def test_a_range_that_leaves_out_the_tempo_is_said(clip: Path) -> None:
    bpm = json.loads(run("predict", "--format", "json", clip).stdout)["tempo"]["bpm"]
    result = run("predict", "--quiet", "--min-bpm", round(bpm / 2) - 5, "--max-bpm", round(bpm / 2) + 5, clip)
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"beattrack: warning: {clip}: the network estimates about {bpm:.0f} BPM, but"
    )
    assert len(lines(result.stderr)) == 1


@pytest.mark.parametrize("format", ["beats", "json", "csv"])
def test_formats_by_option_and_by_suffix(clip: Path, format: str) -> None:
    shown = run("predict", "--quiet", "--format", format, clip).stdout
    run("predict", "--quiet", "-o", clip.with_name(f"out.{format}"), clip)
    assert clip.with_name(f"out.{format}").read_text() == shown
    if format == "json":
        assert Beats.from_dict(json.loads(shown)).file == str(clip)
    else:
        assert shown.startswith({"beats": "# tempo_bpm: ", "csv": "time,position,confidence\n"}[format])


def test_the_format_asked_for_goes_before_the_suffix(clip: Path) -> None:
    run("predict", "--format", "csv", "-o", clip.with_name("out.json"), clip)
    assert clip.with_name("out.json").read_text().startswith("time,")
    run("predict", "-o", clip.with_name("out.txt"), clip)
    assert clip.with_name("out.txt").read_text().startswith("# tempo_bpm")


@pytest.mark.parametrize("command", ["predict", "decode"])
@pytest.mark.parametrize("name", ["a.mid", "a.jams", "a.xml", "a.lab"])
def test_a_foreign_suffix_is_refused_before_any_work(clip: Path, command: str, name: str) -> None:
    message = usage_error(command, "-o", clip.with_name(name), clip)
    assert (
        f"{name}: unknown output format; use one of .beats, .json, .csv, or name the format (--format)"
        in message
    )
    assert names(clip.parent) == [clip.name]


def test_a_foreign_suffix_is_the_users_own_choice_if_the_format_is_named(clip: Path) -> None:
    out = clip.with_name("a.lab")
    assert run("predict", "--format", "beats", "-o", out, clip).exit_code == 0
    assert out.read_text().startswith("# tempo_bpm")
    folder = clip.with_name("beats.mid")
    folder.mkdir()
    assert run("predict", "-o", folder, clip).exit_code == 0
    assert names(folder) == [f"{clip.stem}.beats"]


def test_several_files_are_written_beside_themselves(two: tuple[Path, Path]) -> None:
    result = run("predict", *two)
    assert (result.exit_code, result.stdout) == (0, "")
    assert names(two[0].parent) == [
        "blues.00000.beats",
        "blues.00000.flac",
        "rock.00001.beats",
        "rock.00001.flac",
    ]
    assert [line.split(": ")[0] for line in lines(result.stderr)] == [*map(str, two), "2 files"]


def test_several_files_into_a_folder_that_is_made(two: tuple[Path, Path]) -> None:
    folder = two[0].parent / "out"
    for _ in range(2):
        assert run("predict", "--format", "json", "-o", folder, *two).exit_code == 0
        assert names(folder) == ["blues.00000.json", "rock.00001.json"]


def test_one_file_into_a_folder(clip: Path) -> None:
    folder = clip.parent / "existing"
    folder.mkdir()
    assert run("predict", "-o", folder, clip).exit_code == 0
    assert run("predict", "-o", f"{clip.parent / 'new'}/", clip).exit_code == 0
    assert names(folder) == names(clip.parent / "new") == ["blues.00000.beats"]


def test_output_names_replace_the_last_suffix_only() -> None:
    assert output_name("a/blues.00000.flac", ".beats") == Path("a/blues.00000.beats")
    assert output_name("song", ".json") == Path("song.json")
    assert output_name(".hidden.wav", ".csv") == Path(".hidden.csv")


def test_standard_input(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = run("predict", "-", stdin=clip.read_bytes())
    assert piped.exit_code == 0
    assert piped.stderr.startswith("standard input: ")
    assert piped.stdout == run("predict", clip).stdout
    monkeypatch.chdir(clip.parent)
    assert run("predict", "-", clip.name, stdin=clip.read_bytes()).exit_code == 0
    assert names(clip.parent) == ["blues.00000.beats", "blues.00000.flac", "stdin.beats"]
    assert json.loads(run("predict", "-", "--format", "json", stdin=clip.read_bytes()).stdout)["file"] is None


def test_a_device_or_pipe_is_written_to_and_stays(clip: Path) -> None:
    pipe = clip.with_name("pipe")
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    assert run("predict", "-o", pipe, clip).exit_code == 0
    reader.join(10)
    assert received == [run("predict", clip).stdout]
    assert pipe.is_fifo()
    assert "is not a file" in usage_error("predict", "--activations", pipe, clip)


def test_a_pipe_that_breaks_is_that_files_failure(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("beattrack.cli.batch.atomic_write_text", fail)
    result = run("predict", "-o", clip.with_name("a.beats"), clip)
    assert (result.exit_code, result.stderr) == (1, f"beattrack: {clip}: Broken pipe\n")


def test_a_link_is_written_through(clip: Path) -> None:
    clip.with_name("link.beats").symlink_to(clip.with_name("target.beats"))
    run("predict", "-o", clip.with_name("link.beats"), clip)
    assert clip.with_name("link.beats").is_symlink()
    assert clip.with_name("target.beats").read_text().startswith("# tempo")


def tempo_and_metre(*args: object) -> tuple[float, int]:
    record = json.loads(run("predict", "--format", "json", *args).stdout)
    return record["tempo"]["bpm"], record["metre"]


def test_a_track_that_a_file_has_not_is_that_files_failure(two: tuple[Path, Path]) -> None:
    assert run("predict", "--track", 1, two[0]).stdout == run("predict", two[0]).stdout
    result = run("predict", "--track", 2, "-o", two[0].parent, *two)
    assert result.exit_code == 1
    for path in two:
        assert f"beattrack: {path}: has no audio track 2; it has only one\n" in result.stderr
    assert "--track" in usage_error("predict", "--track", 0, two[0])


@needs_ffmpeg
def test_the_track_of_a_film_also_in_other_processes(clip: Path) -> None:
    film = clip.with_name("film.mkv")
    run_ffmpeg(
        "-f", "lavfi", "-i", "anullsrc=d=8:r=22050", "-i", clip, "-map", 0, "-map", 1, "-c:a", "flac", film
    )
    assert "no beats" in run("predict", film).stderr
    result = run(
        "predict",
        "--jobs",
        2,
        "--track",
        2,
        "--format",
        "json",
        film,
        shutil.copy(film, clip.with_name("other.mkv")),
    )
    assert result.exit_code == 0, result.stderr
    assert len(Beats.from_dict(json.loads(film.with_suffix(".json").read_text()))) > 10


def test_a_file_without_a_length_in_its_header(clip: Path) -> None:
    samples, rate = soundfile.read(clip, dtype="int16")
    path = clip.with_name("streamed.wav")
    soundfile.write(path, samples, rate, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    result = run("predict", path)
    assert (result.exit_code, "warning" in result.stderr) == (0, False)
    assert result.stdout == run("predict", clip).stdout


def test_standard_error_is_ours_also_in_other_processes(clip: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(clip)
    data = encoded(samples, rate, format="MP3")
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a.mp3", "b.mp3"):
        (folder / name).write_bytes(data[: len(data) // 2])
    command = [sys.executable, "-m", "beattrack", "predict", "--jobs", "2", "-r", str(folder)]
    with (tmp_path / "log").open("wb") as log:
        subprocess.run(command, stderr=log, check=True, cwd=Path(__file__).parents[2])
    told = (tmp_path / "log").read_text().splitlines()
    assert len([line for line in told if line.startswith("beattrack: warning: ")]) == 2
    assert len(told) == 5  # and a summary of each, and of all


def test_the_tempo_range_and_the_metres_hold(clip: Path) -> None:
    assert tempo_and_metre("--min-bpm", 100, "--max-bpm", 140, clip)[0] == pytest.approx(120, rel=0.02)
    assert tempo_and_metre("--max-bpm", 75, clip)[0] == pytest.approx(60, rel=0.02)
    assert tempo_and_metre("--beats-per-bar", "3", clip)[1] == 3
    assert tempo_and_metre("--beats-per-bar", "4, 5", clip)[1] in (4, 5)


def test_the_peak_decoder(clip: Path) -> None:
    result = run("predict", "--decoder", "peaks", "--format", "json", clip)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["decoder"]["name"] == "peaks"


def test_madmoms_decoder_or_how_to_get_it(clip: Path) -> None:
    result = run("predict", "--decoder", "madmom", clip)
    if result.exit_code == 0:
        assert "# decoder: madmom" in lines(result.stdout)
    else:
        assert (result.exit_code, result.stdout) == (1, "")
        assert "pip install 'beattrack[madmom]'" in result.stderr


def test_devices(clip: Path) -> None:
    reference = run("predict", "--device", "cpu", "--threads", "2", clip)
    assert reference.exit_code == 0
    result = run("predict", "--device", "cuda", clip)
    if result.exit_code == 0:
        assert result.stdout.startswith("# tempo_bpm")
    else:
        assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert run("predict", "--device", "auto", clip).exit_code == 0


def test_a_model_by_path(clip: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copy(models_folder() / "tcn.onnx", tmp_path / "mine.onnx"))
    result = run("predict", "--model", mine, clip)
    assert result.exit_code == 0
    assert "# model: mine" in lines(result.stdout)


def test_a_damaged_model_is_one_line(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    result = run("predict", "--model", broken, clip)
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert "broken.onnx" in result.stderr
