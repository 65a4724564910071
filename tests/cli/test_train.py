"""`beattrack train` and `beattrack export`, from a pack of features to beats."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

import beattrack
from tests.audio_cases import posix_only
from tests.cli_cases import lines, names, run, usage_error
from tests.example_pack import write_pack
from tests.synth import drum_clip

CONFIG = """
steps = 4
steps_per_epoch = 2
batch = 4
learning_rate = 2e-2
average_decay = 0.9

[validation]
batches = 1
decode_seconds = 8.0

[crop]
frames = 400

[network.front_end]
channels = 8

[network.harmony]
channels = 4

[network.tcn]
channels = 12
dilations = [1, 2, 4, 8, 16]
"""
HERE = ("--accelerator", "cpu", "--workers", 0, "--threads", 1)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    write_pack(folder, songs=11, seconds=20)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "little.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_music_to_a_model_that_finds_beats(pack: Path, home: Path, clip: Path) -> None:
    command = ("train", "--config", "little.toml", "--dataset", f"pack:{pack}", *HERE)
    trained = run(*command, "--steps", 40, "--steps-per-epoch", 20)
    assert trained.exit_code == 0
    assert trained.stdout == ""
    shown = lines(trained.stderr)
    assert shown[-3].startswith("step 20/40")
    assert shown[-2].startswith("step 40/40")
    assert shown[-1] == "runs/little: finished at step 40; make a model with `beattrack export runs/little`"

    again = run(*command, "--steps", 40, "--steps-per-epoch", 20, "--quiet")
    assert (again.exit_code, again.output) == (0, "")

    exported = run("export", "runs/little", "--description", "For a test.")
    assert exported.exit_code == 0
    assert lines(exported.stderr)[0].startswith("runs/little/little.onnx: ")
    card = json.loads(Path("runs/little/little.json").read_text(encoding="utf-8"))
    assert card["description"] == "For a test."
    assert str(pack.parent) not in json.dumps(card)

    predicted = run("predict", "--model", "runs/little/little.onnx", clip)
    assert predicted.exit_code == 0
    beats = [float(line.split("\t")[0]) for line in lines(predicted.stdout) if not line.startswith("#")]
    assert 5 <= len(beats) <= 30  # in eight seconds
    assert all(later > earlier for earlier, later in pairwise(beats))


def test_settings_come_from_the_file_and_the_command_line(pack: Path, home: Path) -> None:
    result = run(
        *(
            "train",
            "--config",
            "little.toml",
            "--dataset",
            f"pack:{pack}@0.5",
            "--run",
            "here",
            *HERE,
            "--quiet",
        ),
        *("--steps", 1, "--set", "crop.pitch_bands=2", "--set", "seed=7", "--early-stop", 3),
    )
    assert (result.exit_code, result.output) == (0, "")
    settings = json.loads(Path("here/settings.json").read_text(encoding="utf-8"))
    assert settings["dataset"] == [{"name": f"pack:{pack}", "weight": 0.5}]
    assert (settings["steps"], settings["batch"], settings["seed"], settings["patience"]) == (1, 4, 7, 3)
    assert (settings["crop"]["frames"], settings["crop"]["pitch_bands"]) == (400, 2)
    refused = run("train", "--config", "here/settings.json", "--run", "here", "--seed", 8, *HERE)
    assert refused.exit_code == 1
    assert "seed is 7 there, 8 here" in refused.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--dataset NAME"),
        (("--config", "none.toml"), "none.toml: No such file"),
        (("--config", "bad.toml"), "bad.toml: cannot be read"),
        (("--dataset", "gtzan", "--set", "stepz=1"), "no setting 'stepz'; did you mean 'steps'?"),
        (("--dataset", "gtzan", "--set", "steps"), "NAME=VALUE"),
        (("--dataset", "gtzan", "--validation-share", "2"), "validation.share"),
        (("--dataset", "gtzan@-1"), "weight"),
        (("--dataset", "nonsense:/x"), "nonsense"),
        (("--dataset", "folder:nowhere"), "nowhere"),
        (("--dataset", "folder:nowhere", "--start", "nobody"), "nobody"),
        (("--dataset", "folder:x", "--start", "tcn", "--set", "network.sum_head=true"), "other settings"),
        (("--dataset", "gtzan", "--fold", "2"), "--folds"),
    ],
)
def test_usage_errors_are_one_sentence(options: tuple[str, ...], message: str, home: Path) -> None:
    (home / "bad.toml").write_text("steps = [", encoding="utf-8")
    assert message in usage_error("train", *options)
    assert names(home) == ["bad.toml", "little.toml"]  # nothing is left behind


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (("train", "--dataset", "gtzan"), ("export", "runs/x")):
        monkeypatch.setitem(sys.modules, "lightning", None)
        result = run(*command)
        assert result.exit_code == 1
        assert (
            "needs the package 'lightning'; install it with `pip install 'beattrack[train]'`" in result.stderr
        )


def test_what_is_no_run_cannot_be_exported(home: Path) -> None:
    result = run("export", home)
    assert (result.exit_code, len(lines(result.stderr))) == (1, 1)
    assert "holds no training run" in result.stderr
    (home / "scores.json").write_text("{}", encoding="utf-8")
    assert "is not a list of scores" in usage_error("export", home, "--scores", home / "scores.json")


def test_gtzan_is_trained_on_by_folds(home: Path) -> None:
    for number, genre in enumerate(("blues", "jazz", "rock", "pop", "metal", "disco")):
        samples, times, positions = drum_clip(90 + 10 * number, duration=8, seed=number)
        (home / "data" / "genres" / genre).mkdir(parents=True)
        (home / "data" / "beats").mkdir(exist_ok=True)
        soundfile.write(home / "data" / "genres" / genre / f"{genre}.00001.wav", samples, 22050)
        beats = "".join(f"{time:.3f}\t{position}\n" for time, position in zip(times, positions, strict=True))
        (home / "data" / "beats" / f"gtzan_{genre}_00001.beats").write_text(beats, encoding="utf-8")
    (home / "data" / "genres" / "pop" / "pop.00001.wav").write_bytes(b"no audio")
    held_out = set()
    for fold in (0, 1):
        options = ("--folds", 2, "--fold", fold, "--run", f"fold{fold}", "--cache", "cache")
        trained = run(
            "train", "--config", "little.toml", "--dataset", "gtzan", "--data-home", "data", *options, *HERE
        )
        assert trained.exit_code == 0
        assert "gtzan: 5 of 6 usable" in trained.stderr
        assert "pop.00001.wav" in trained.stderr
        manifest = json.loads(Path(f"fold{fold}/manifest.json").read_text(encoding="utf-8"))
        assert "pop.00001.wav: cannot be" in manifest["left_out"][0]
        assert not held_out.intersection(manifest["validation_songs"])
        held_out.update(manifest["validation_songs"])
        assert "final" in json.loads(Path(f"fold{fold}/metrics.json").read_text(encoding="utf-8"))
    assert len(held_out) == 5
    assert run("export", "fold0", "--name", "mine").exit_code == 0
    assert json.loads(Path("fold0/mine.json").read_text(encoding="utf-8"))["trained_on_datasets"] == ["gtzan"]


def start(pack: Path, steps: int, number: int = signal.SIGINT) -> subprocess.Popen[str]:
    """Start training in a process of its own, in which the signal has its usual effect."""
    options = [str(item) for item in ("--accelerator", "cpu", "--workers", 1, "--threads", 1)]
    command = ["-m", "beattrack", "train", "--config", "little.toml", "--dataset", f"pack:{pack}"]
    return subprocess.Popen(
        [sys.executable, *command, *options, "--steps", str(steps)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(beattrack.__file__).parents[1])},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )


def wait_for_checkpoint(process: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + 120
    while not Path("runs/little/last.ckpt").exists():
        assert time.monotonic() < give_up
        assert process.poll() is None
        time.sleep(0.05)


@posix_only
@pytest.mark.slow
def test_a_killed_run_goes_on(pack: Path, home: Path) -> None:
    killed = start(pack, 60)
    wait_for_checkpoint(killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    rows = Path("runs/little/log.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) < 31
    again = start(pack, 60)
    _, errors = again.communicate(timeout=240)
    assert again.returncode == 0, errors
    rows = Path("runs/little/log.csv").read_text(encoding="utf-8").splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(2, 61, 2))


@posix_only
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_run_that_goes_on(number: int, pack: Path, home: Path) -> None:
    process = start(pack, 100_000, number)
    wait_for_checkpoint(process)
    os.killpg(process.pid, number)  # as Ctrl-C does, which reaches the loader too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    last = lines(errors)[-1]
    assert last.startswith("beattrack: stopped at step ")
    assert last.endswith(" of 100000; run the same command to resume")
    assert "Traceback" not in errors
