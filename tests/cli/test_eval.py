from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from beattrack.cli import main
from beattrack.evaluation import predict
from beattrack.registry import Model, ModelCard
from beattrack.result import Beats
from tests.fake_tracker import make_tracker

pytest.importorskip("mir_eval")

Install = Callable[..., None]

BEATS = "".join(f"{0.5 + 0.5 * number:.3f}\t{number % 4 + 1}\n" for number in range(19))
HALF = "".join(f"{0.5 + number:.3f}\t{number % 4 + 1}\n" for number in range(10))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["eval", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def gtzan(tmp_path: Path) -> Path:
    """A small copy of GTZAN: ten seconds of silence each, with beats at 120 BPM."""
    home = tmp_path / "gtzan"
    for genre in ("blues", "rock"):
        for number in range(2):
            audio = home / f"genres/{genre}/{genre}.0000{number}.wav"
            beats = home / f"beats/gtzan_{genre}_0000{number}.beats"
            for path in (audio, beats):
                path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(audio, np.full(10 * 8000, 0.01 * number), 8000)
            beats.write_text(BEATS)
    return home


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Predictions for that copy by a tracker that taps at half tempo in one of the files."""
    folder = tmp_path / "est"
    folder.mkdir()
    for genre in ("blues", "rock"):
        for number in range(2):
            (folder / f"{genre}.0000{number}.beats").write_text(HALF if genre == "rock" and number else BEATS)
    return folder


def card(*datasets: str) -> ModelCard:
    return ModelCard(
        name="fake",
        description="A fake.",
        file="fake.onnx",
        sha256="0" * 64,
        licence="MIT",
        data=(),
        trained_on_datasets=datasets,
        parameters=0,
        receptive_field_frames=1,
        fps=100.0,
        seed=0,
        commit="0",
        recipe="none",
        date="2026-11-23",
        metrics=(),
    )


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Let the command find a model that needs no network."""

    def install(*trained_on: str) -> None:
        path = tmp_path / "fake.onnx"
        path.write_bytes(b"weights")
        monkeypatch.setattr(predict, "find_model", lambda spec: Model("fake", path, card(*trained_on)))
        monkeypatch.setattr(predict, "load_tracker", make_tracker)
        monkeypatch.setattr(predict, "describe", lambda spec, model: {"model": model.name})

    return install


def test_scores_one_pair_estimate_first(tmp_path: Path) -> None:
    (tmp_path / "a.beats").write_text(HALF)
    (tmp_path / "b.beats").write_text(BEATS)
    result = run(tmp_path / "a.beats", tmp_path / "b.beats")
    assert result.exit_code == 0
    assert "a.beats on b.beats: 1 file" in result.stdout
    assert "taps at half tempo" in result.stdout
    assert "taps at double tempo" in run(tmp_path / "b.beats", tmp_path / "a.beats").stdout


def test_scores_folders_of_any_tool(gtzan: Path, predictions: Path) -> None:
    result = run("--predictions", predictions, "--annotations", gtzan / "beats")
    assert result.exit_code == 0
    assert "est on beats: 4 files" in result.stdout
    assert "gtzan_rock_00001" in result.stdout


def test_scores_predictions_for_a_dataset(gtzan: Path, predictions: Path) -> None:
    result = run("--dataset", "gtzan", "--data-home", gtzan, "--predictions", predictions, "--name", "mine")
    assert result.exit_code == 0
    assert "mine on gtzan: 4 files" in result.stdout
    assert "gtzan: 4 recordings, 0 files left out" in result.stderr


def test_predicts_and_scores_a_dataset(gtzan: Path, fake_model: Install) -> None:
    fake_model()
    result = run("--dataset", "gtzan", "--data-home", gtzan, "--jobs", 1, "--quiet")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "fake + dbn on gtzan: 4 files" in result.stdout
    assert "F-measure" in result.stdout
    assert " 1.000 " in result.stdout


def test_predicts_in_processes(gtzan: Path, fake_model: Install) -> None:
    fake_model()
    result = run("--dataset", "gtzan", "--data-home", gtzan, "--jobs", 2)
    assert result.exit_code == 0
    assert "4 files" in result.stdout


def test_a_folder_of_ones_own_is_a_dataset(gtzan: Path, fake_model: Install, tmp_path: Path) -> None:
    fake_model()
    for name in ("one", "two"):
        soundfile.write(tmp_path / f"{name}.flac", np.zeros(80000), 8000)
        (tmp_path / f"{name}.beats").write_text(BEATS)
    result = run("--dataset", f"folder:{tmp_path}", "--jobs", 1)
    assert result.exit_code == 0
    assert "2 files" in result.stdout


def test_writes_every_number_to_files(gtzan: Path, predictions: Path, tmp_path: Path) -> None:
    files = {"--csv": tmp_path / "scores.csv", "--json": tmp_path / "run.json"}
    result = run(
        "--predictions",
        predictions,
        "--annotations",
        gtzan / "beats",
        *(part for option in files.items() for part in option),
    )
    assert result.exit_code == 0
    record = json.loads(files["--json"].read_text())
    rows = list(csv.DictReader(files["--csv"].open()))
    assert len(rows) == len(record["files"]) == 4
    for row, entry in zip(rows, record["files"], strict=True):
        assert float(row["beats.cemgil"]) == entry["values"]["beats.cemgil"]


def test_trim_and_tempo_reference_are_passed_on(gtzan: Path, predictions: Path, tmp_path: Path) -> None:
    options = (
        "--predictions",
        predictions,
        "--annotations",
        gtzan / "beats",
        "--json",
        tmp_path / "run.json",
    )
    assert "beats from 5 s" in run(*options, "--trim", 5, "--tempo-reference", "ibi").stdout
    settings = json.loads((tmp_path / "run.json").read_text())["settings"]
    assert settings["trim_s"] == 5.0
    assert settings["tempo_reference"] == "median inter-beat interval"
    assert "no file has an annotated tempo" in run(*options, "--tempo-reference", "annotated").stderr


def test_unmatched_files_are_listed_or_scored_as_silence(gtzan: Path, predictions: Path) -> None:
    (predictions / "blues.00000.beats").unlink()
    (predictions / "jazz.00000.beats").write_text(BEATS)
    options = ("--predictions", predictions, "--annotations", gtzan / "beats")
    result = run(*options)
    assert "3 files" in result.stdout
    assert "gtzan_blues_00000: has no prediction" in result.stdout
    assert "jazz.00000.beats: has no annotation" in result.stdout
    assert "4 files" in run(*options, "--missing", "zero").stdout


def test_a_suffix_chooses_the_kind_of_file(gtzan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    for path in (gtzan / "beats").iterdir():
        (folder / f"{path.stem}.downbeats.txt").write_text(BEATS)
        (folder / f"{path.stem}.beats.txt").write_text(HALF)
        (folder / f"{path.stem}.bpm.txt").write_text("60 120 0.4\n")
    options = ("--predictions", folder, "--annotations", gtzan / "beats")
    result = run(*options)
    assert result.exit_code == 1
    assert "--suffix" in result.stderr
    result = run(*options, "--suffix", ".downbeats.txt", "--tempo-suffix", ".bpm.txt")
    assert result.exit_code == 0
    assert "stated by the tracker" in result.stdout


def test_compares_runs(gtzan: Path, predictions: Path, tmp_path: Path) -> None:
    for name, folder in (("first", predictions), ("second", gtzan / "beats")):
        options = ("--predictions", folder, "--annotations", gtzan / "beats", "--name", name)
        assert run(*options, "--json", tmp_path / f"{name}.json").exit_code == 0
    files = (tmp_path / "first.json", tmp_path / "second.json")
    result = run("--compare", *files, "--json", tmp_path / "comparison.json")
    assert result.exit_code == 0
    assert "second minus first" in result.stdout
    record = json.loads((tmp_path / "comparison.json").read_text())
    assert record["systems"][0]["overall"]["beats.f_measure"]["wins"] == 1


def test_writes_reports(gtzan: Path, predictions: Path, fake_model: Install, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    fake_model()
    result = run("--dataset", "gtzan", "--data-home", gtzan, "--report", tmp_path / "one", "--jobs", 1)
    assert result.exit_code == 0
    assert (tmp_path / "one/index.html").is_file()
    assert str(tmp_path / "one/index.html") in result.stderr
    for name, folder in (("a", predictions), ("b", gtzan / "beats")):
        options = ("--dataset", "gtzan", "--data-home", gtzan, "--predictions", folder)
        run(*options, "--name", name, "--json", tmp_path / f"{name}.json")
    files = (tmp_path / "a.json", tmp_path / "b.json")
    assert run("--compare", *files, "--report", tmp_path / "two").exit_code == 0
    assert (tmp_path / "two/files").is_dir()


def test_refuses_training_data_unless_forced(gtzan: Path, fake_model: Install) -> None:
    fake_model("gtzan")
    result = run("--dataset", "gtzan", "--data-home", gtzan, "--jobs", 1)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "was trained on gtzan" in result.stderr
    forced = run("--dataset", "gtzan", "--data-home", gtzan, "--jobs", 1, "--force")
    assert forced.exit_code == 0
    assert "TRAINING DATA" in forced.stdout


def test_a_missing_dataset_ends_with_2_and_says_what_to_do(tmp_path: Path) -> None:
    result = run("--dataset", "gtzan", "--data-home", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert str(tmp_path / "nowhere") in result.stderr
    assert "--data-home" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_ctrl_c_scores_what_is_finished_and_ends_with_130(
    gtzan: Path, fake_model: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_model()

    class Interrupted:
        def __init__(self, spec: predict.TrackerSpec) -> None:
            self.tracker = make_tracker(spec)

        def track(self, source: Path) -> Beats:
            if source.name == "rock.00001.wav":
                raise KeyboardInterrupt
            return self.tracker.track(source)

    monkeypatch.setattr(predict, "load_tracker", Interrupted)
    result = run("--dataset", "gtzan", "--data-home", gtzan, "--jobs", 1)
    assert result.exit_code == 130
    assert "INTERRUPTED" in result.stdout
    assert "3 files" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--predictions", "est"),
        ("--annotations", "ref"),
        ("one.beats",),
        ("one.beats", "two.beats", "three.beats"),
        ("one.beats", "two.beats", "--dataset", "gtzan"),
        ("--compare", "one.json"),
        ("--compare", "one.json", "two.json", "--csv", "x.csv"),
        ("--dataset", "ballroom"),
        ("a", "b", "--trim", "-1"),
        ("a", "b", "--trim", "nan"),
        ("a", "b", "--json", "/no such folder/x.json"),
        ("a", "b", "--jobs", "0"),
    ],
)
def test_wrong_usage_ends_with_2_in_one_line(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1


def test_unreadable_input_ends_with_1_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.beats").write_text(BEATS)
    for arguments in (
        (tmp_path / "a.beats", tmp_path / "absent.beats"),
        ("--compare", tmp_path / "a.beats", tmp_path / "a.beats"),
        ("--predictions", tmp_path, "--annotations", tmp_path / "absent"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert len(result.stderr.strip().splitlines()) == 1


def test_the_table_is_printed_where_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.beats").write_text(BEATS)
    pytest.importorskip("matplotlib")
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    result = run(tmp_path / "a.beats", tmp_path / "a.beats", "--report", blocked / "inside")
    assert result.exit_code == 1
    assert "F-measure" in result.stdout
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mir_eval.beat", None)
    (tmp_path / "a.beats").write_text(BEATS)
    result = run(tmp_path / "a.beats", tmp_path / "a.beats")
    assert result.exit_code == 1
    assert "beattrack[eval]" in result.stderr


def test_help_is_given_without_loading_the_evaluation() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for option in ("--dataset", "--predictions", "--compare", "--report", "--trim", "--force"):
        assert option in result.stdout
