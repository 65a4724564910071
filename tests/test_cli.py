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
from click.testing import CliRunner, Result
from synth import drum_clip

import beattrack
from beattrack import registry
from beattrack.activations import Activations
from beattrack.cli import COMMANDS, main
from beattrack.cli.outputs import output_name
from beattrack.registry import models_folder
from beattrack.result import Beats
from beattrack.tracker import BeatTracker

RATE = 22050


def run(*args: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return result


def lines(text: str) -> list[str]:
    return text.splitlines()


def usage_error(*args: object) -> str:
    """Run what must be refused, and give the one line that says why."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(lines(result.stderr)) == 1
    assert result.stderr.startswith("beattrack: ")
    return result.stderr


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "clip.flac"
    soundfile.write(path, drum_clip(120, duration=8.0)[0], RATE)
    return path


@pytest.fixture
def clip(recorded: Path, tmp_path: Path) -> Path:
    """A recording at 120 BPM, alone in a folder of its own."""
    return Path(shutil.copy(recorded, tmp_path / "blues.00000.flac"))


@pytest.fixture
def two(clip: Path) -> tuple[Path, Path]:
    return clip, Path(shutil.copy(clip, clip.with_name("rock.00001.flac")))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- the command itself -------------------------------------------------------------------------------------


def test_version() -> None:
    assert run("--version").stdout == f"beattrack {beattrack.__version__}\n"


def test_help_lists_the_commands_and_imports_none_of_them() -> None:
    code = (
        "import sys\n"
        "from beattrack.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "main(['predict', '--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'soundfile', 'onnxruntime', 'torch'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    root = Path(beattrack.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    for name, command in COMMANDS.items():
        assert f"{name} " in done.stdout
        assert command.help in done.stdout
    assert "--beats-per-bar" in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_there_and_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name} ")


def test_without_a_command_the_help_goes_to_standard_error() -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


def test_misuse_is_one_line() -> None:
    assert "No such command" in usage_error("trian")
    assert "Missing argument" in usage_error("predict")
    assert "No such option" in usage_error("predict", "--colour", "a.wav")
    assert "see `main predict --help`" in usage_error("predict")


def test_as_a_program_it_gives_what_the_library_gives(clip: Path) -> None:
    """One real process from `python -m beattrack` to its exit: pure output, pure errors."""
    absent = clip.with_name("none.wav")
    done = subprocess.run(
        [sys.executable, "-m", "beattrack", "predict", "--threads", "1", "-o", ".", clip, absent],
        capture_output=True,
        text=True,
        cwd=clip.parent,
        env={**os.environ, "PYTHONPATH": str(Path(beattrack.__file__).parents[1])},
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(lines(done.stderr)) == 2
    assert lines(done.stderr)[1].startswith(f"beattrack: {absent}: ")
    assert (clip.parent / "blues.00000.beats").read_text() == beattrack.track(clip, threads=1).to_text()


# --- predict: output ----------------------------------------------------------------------------------------


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


def test_several_files_are_written_beside_themselves(two: tuple[Path, Path]) -> None:
    result = run("predict", *two)
    assert (result.exit_code, result.stdout) == (0, "")
    assert names(two[0].parent) == [
        "blues.00000.beats",
        "blues.00000.flac",
        "rock.00001.beats",
        "rock.00001.flac",
    ]
    assert [line.split(": ")[0] for line in lines(result.stderr)] == [str(path) for path in two]


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
    assert output_name("a/blues.00000.flac", ".beats") == "blues.00000.beats"
    assert output_name("song", ".json") == "song.json"
    assert output_name(".hidden.wav", ".csv") == ".hidden.csv"
    assert output_name("-", ".beats") == "stdin.beats"


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
    assert "is no file" in usage_error("predict", "--activations", pipe, clip)


def test_a_pipe_that_breaks_is_that_files_failure(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("beattrack.cli.report.write_text", fail)
    result = run("predict", "-o", clip.with_name("a.beats"), clip)
    assert (result.exit_code, result.stderr) == (1, f"beattrack: {clip}: Broken pipe\n")


def test_a_link_is_written_through(clip: Path) -> None:
    clip.with_name("link.beats").symlink_to(clip.with_name("target.beats"))
    run("predict", "-o", clip.with_name("link.beats"), clip)
    assert clip.with_name("link.beats").is_symlink()
    assert clip.with_name("target.beats").read_text().startswith("# tempo")


# --- predict: refused before any work -----------------------------------------------------------------------


def test_two_inputs_for_one_output_are_refused(clip: Path) -> None:
    wav = Path(shutil.copy(clip, clip.with_suffix(".wav")))
    message = usage_error("predict", clip, wav)
    assert f"{clip} and {wav} would both be written to" in message
    assert "would both be written" in usage_error("predict", clip, clip)
    assert "would both be written" in usage_error(
        "predict", "-o", clip.with_name("x"), "--activations", clip.with_name("x"), clip
    )
    assert names(clip.parent) == ["blues.00000.flac", "blues.00000.wav"]


def test_an_input_is_never_overwritten(clip: Path) -> None:
    before = clip.read_bytes()
    clip.with_name("soft.beats").symlink_to(clip)
    os.link(clip, clip.with_name("hard.beats"))
    for output in (clip, clip.with_name("soft.beats"), clip.with_name("hard.beats")):
        assert "is an input and would be overwritten" in usage_error("predict", "-o", output, clip)
        assert "is an input" in usage_error("predict", "--activations", output, clip)
    beats = Path(shutil.copy(clip, clip.with_name("odd.beats")))
    assert "is an input" in usage_error("predict", beats, clip)
    assert clip.read_bytes() == beats.read_bytes() == before


def test_places_that_are_not_there_are_refused(two: tuple[Path, Path]) -> None:
    absent = two[0].parent / "no" / "such"
    assert "does not exist; make it first" in usage_error("predict", "-o", absent / "a.beats", two[0])
    assert "does not exist; make it first" in usage_error("predict", "-o", absent / "deep", *two)
    assert "--activations" in usage_error("predict", "--activations", absent / "a.npz", two[0])
    assert "is a file; with several inputs -o takes a folder" in usage_error("predict", "-o", two[0], *two)
    assert "can take one file" in usage_error("predict", "-o", "-", *two)
    too_long = usage_error("predict", "-o", two[0].parent / ("x" * 300), *two)
    assert "cannot be made (File name too long)" in too_long


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--decoder", "peaks", "--beats-per-bar", "3"], "the peaks decoder has no option beats_per_bar"),
        (["--min-bpm", "200", "--max-bpm", "100"], "200.0 to 100.0 BPM"),
        (["--min-bpm", "nan"], "nan"),
        (["--max-bpm", "0"], "tempo range"),
        (["--beats-per-bar", "3;4"], "'3;4' is not one or more positive whole numbers"),
        (["--beats-per-bar", "0"], "positive whole numbers"),
        (["--beats-per-bar", "3,3"], "a metre twice"),
        (["--decoder", "hmm"], "'hmm' is not one of"),
        (["--format", "midi"], "'midi' is not one of"),
        (["--device", "tpu"], "'tpu' is not one of"),
        (["--threads", "0"], "0 is not in the range"),
        (["--model", "nonesuch"], "no model is called 'nonesuch': there are"),
        (["--model", "none/such.onnx"], "there is no such model file"),
    ],
)
def test_wrong_options_are_refused(clip: Path, options: list[str], message: str) -> None:
    assert message in usage_error("predict", *options, clip)


# --- predict: options ---------------------------------------------------------------------------------------


def tempo_and_metre(*args: object) -> tuple[float, int]:
    record = json.loads(run("predict", "--format", "json", *args).stdout)
    return record["tempo"]["bpm"], record["metre"]


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


# --- predict: files that fail -------------------------------------------------------------------------------


def test_one_bad_file_never_stops_the_others(two: tuple[Path, Path]) -> None:
    text = two[0].with_name("notes.txt")
    text.write_text("not audio at all, but long enough to be looked at\n" * 20)
    absent = two[0].with_name("absent.wav")
    result = run("predict", two[0], text, absent, two[0].parent, two[1], "-o", two[0].parent / "out")
    assert result.exit_code == 1
    report = lines(result.stderr)
    assert [line.split(": ")[0] for line in report] == [str(two[0]), *["beattrack"] * 3, str(two[1])]
    for line, path in zip(report[1:4], (text, absent, two[0].parent), strict=True):
        assert line.startswith(f"beattrack: {path}: ")
        assert line.count(str(path)) == 1
    assert names(two[0].parent / "out") == ["blues.00000.beats", "rock.00001.beats"]


def test_what_cannot_be_written_is_one_line(clip: Path) -> None:
    result = run("predict", "-o", clip.with_name("x" * 300), clip)
    assert (result.exit_code, len(lines(result.stderr))) == (1, 1)
    assert f"{clip}: File name too long" in result.stderr
    assert names(clip.parent) == [clip.name]


def test_not_enough_memory_is_one_line(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
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


# --- activations and decode ---------------------------------------------------------------------------------


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
    assert "is an input" in usage_error("decode", "-o", pulses, pulses)


def test_decode_of_what_is_no_activations_fails_alone(pulses: Path) -> None:
    broken = pulses.with_name("broken.npz")
    broken.write_bytes(b"PK\x03\x04 not really")
    empty = pulses.with_name("empty.npz")
    np.savez(empty, fps=100.0)
    result = run("decode", broken, empty, pulses.with_name("none.npz"), pulses)
    assert result.exit_code == 1
    report = lines(result.stderr)
    assert [line.startswith("beattrack: ") for line in report] == [True, True, True, False]
    assert report[1] == f"beattrack: {empty}: has no array beats"
    assert pulses.with_name("pulses.beats").exists()


# --- models -------------------------------------------------------------------------------------------------


def test_models_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from test_registry import WEIGHTS, make_card

    (tmp_path / "small.onnx").write_bytes(WEIGHTS)
    (tmp_path / "small.json").write_text(json.dumps(make_card()))
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    text = run("models").stdout
    for part in (
        "small: A model for tests.",
        "MIT",
        "groove (1.5 h, CC BY 4.0)",
        "72262",
        "16381 frames (163.8 s)",
        "GTZAN, 50 files",
        "f 88.0  cmlt 80.0  amlt 92.0",
        "acc1 83.0  acc2 95.0",
    ):
        assert part in text
    assert json.loads(run("models", "--json").stdout) == [{**make_card(), "bytes": len(WEIGHTS)}]


def test_models_shipped_with_this_version_are_listed() -> None:
    result = run("models")
    assert result.exit_code == 0
    assert "tcn: " in result.stdout
    assert [card["name"] for card in json.loads(run("models", "--json").stdout)] == ["tcn"]


def test_no_models_and_damaged_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    assert run("models").stdout == "No models are shipped with this installation.\n"
    assert json.loads(run("models", "--json").stdout) == []
    (tmp_path / "tcn.json").write_text("{")
    result = run("models")
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert "tcn.json" in result.stderr
