"""Runs on several ranks: two processes of this machine, which talk through gloo."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

import beattrack
from beattrack.training import ranks
from beattrack.training.folder.checkpoints import read_checkpoint
from beattrack.training.module import TrainingModule
from tests.audio_cases import posix_only
from tests.cli_cases import run
from tests.example_pack import write_pack

# Dropout is off, because its masks differ between ranks.
CONFIG = """
steps = 6
steps_per_epoch = 2
batch = 4
learning_rate = 2e-2
average_decay = 0.9

[validation]
batches = 1
decode_seconds = 8.0

[crop]
frames = 400
harmony_drop = 0.5

[network.front_end]
channels = 8
dropout = 0.0

[network.harmony]
channels = 4
dropout = 0.0

[network.tcn]
channels = 12
dropout = 0.0
dilations = [1, 2, 4, 8, 16]
"""
TWO = ("--devices", "2", "--strategy", "ddp")
LONG = ("--steps", "100000")
# Ranks add up gradients in another order, and Adam divides them by their size, however small it is.
TOLERANCE = 1e-4
PATIENCE = 900.0  # seconds that a process may need to start on a busy machine
ENDING = 60.0  # seconds in which all processes of a run end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and a pack in which some songs lack downbeats, so that ranks differ."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "little.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "pack").mkdir()
    write_pack(folder / "pack", songs=11, seconds=20)
    path = folder / "pack" / "index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    for number, entry in enumerate(index["songs"]):
        entry["downbeats"] = ("yes", "no", "est")[number % 3]
    path.write_text(json.dumps(index), encoding="utf-8")
    return folder


def start(home: Path, name: str, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a run in a session of its own."""
    command = ["beattrack", "train", "--config", "little.toml", "--dataset", "pack:pack", "--run", name]
    machine = ["--accelerator", "cpu", "--workers", "1", "--threads", "1"]
    return subprocess.Popen(
        [sys.executable, *(prefix or ("-m",)), *command, *machine, *options],
        cwd=home,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(beattrack.__file__).parents[1])},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def finished(process: subprocess.Popen[str]) -> list[str]:
    """Wait for a run that succeeds; return the lines it printed."""
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        kill_all(process)
    assert process.returncode == 0, errors
    return errors.splitlines()


def kill_all(process: subprocess.Popen[str]) -> None:
    for number in members(process.pid):
        os.kill(number, signal.SIGKILL)


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, theirs = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(theirs) == session and state != "Z":
                found.append(int(entry.name))
    return found


def rank_one(session: int) -> int:
    """The process that Lightning started."""
    for number in sorted(members(session)):
        try:
            variables = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"LOCAL_RANK=1" in variables:
            return number
    raise LookupError("no rank 1")


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "waited too long"
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


@pytest.fixture
def long_run(home: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A run of two ranks with a checkpoint, which goes on for long."""
    folder = home / "long"
    shutil.rmtree(folder, ignore_errors=True)
    process = start(home, "long", *TWO, *LONG)
    try:
        wait_for((folder / "last.ckpt").exists, process, PATIENCE)
        yield folder, process
    finally:
        kill_all(process)
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Wait until no process of a run is left; return exit code and lines of the first one."""
    try:
        _, errors = process.communicate(timeout=ENDING)
    except subprocess.TimeoutExpired:
        pytest.fail(f"processes {members(process.pid)} of the run hang")
    give_up = time.monotonic() + ENDING
    while left := members(process.pid):
        assert time.monotonic() < give_up, f"processes {left} are left"
        time.sleep(0.05)
    return process.returncode, errors.splitlines()


def assert_close(one: Path, other: Path) -> None:
    """Weights, averages and moments are equal up to rounding."""
    ours, theirs = read_checkpoint(one), read_checkpoint(other)
    assert ours["global_step"] == theirs["global_step"]
    for key in ("average", "state_dict"):
        for name, tensor in ours[key].items():
            torch.testing.assert_close(
                tensor, theirs[key][name], rtol=TOLERANCE, atol=TOLERANCE * float(tensor.abs().max())
            )


@pytest.fixture(scope="module")
def whole(home: Path) -> Path:
    """A run of one rank."""
    finished(start(home, "whole"))
    return home / "whole" / "last.ckpt"


@posix_only
@pytest.mark.slow
def test_two_ranks_learn_what_one_does(home: Path, whole: Path) -> None:
    printed = finished(start(home, "two", *TWO))
    assert_close(home / "two" / "last.ckpt", whole)
    # Only the first rank prints: a line per epoch and one at the end.
    assert [line.split()[0] for line in printed[-4:]] == ["step", "step", "step", "two:"]
    assert sum("finished" in line for line in printed) == 1
    logs = [(home / name / "log.csv").read_text(encoding="utf-8").splitlines() for name in ("two", "whole")]
    for ours, theirs in zip(*logs, strict=True):
        assert ours.split(",")[0] == theirs.split(",")[0]
    ours, theirs = (float(log[-1].split(",")[3]) for log in logs)
    assert ours == pytest.approx(theirs, rel=1e-3)


@posix_only
@pytest.mark.slow
def test_torchrun_starts_ranks_too(home: Path, whole: Path) -> None:
    # Without --, torchrun takes --run for an abbreviation of its own options.
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--")
    printed = finished(start(home, "torchrun", *TWO, prefix=torchrun))
    assert_close(home / "torchrun" / "last.ckpt", whole)
    assert sum("finished" in line for line in printed) == 1


@posix_only
@pytest.mark.slow
def test_a_run_that_lost_a_rank_ends_and_goes_on_with_one(
    home: Path, long_run: tuple[Path, subprocess.Popen[str]], whole: Path
) -> None:
    folder, process = long_run
    os.kill(rank_one(process.pid), signal.SIGKILL)
    code, printed = ended(process)
    assert code == 1
    assert printed[-1] == (
        "beattrack: long: training stopped because rank 1 was ended by SIGKILL; the last checkpoint is kept; "
        "run the same command to go on"
    )
    assert not any("Traceback" in line for line in printed)
    at = read_checkpoint(folder / "last.ckpt")["global_step"]
    assert at > 0
    again = start(home, "long", *LONG)  # with one rank
    wait_for(lambda: read_checkpoint(folder / "last.ckpt")["global_step"] > at, again, PATIENCE)
    os.kill(again.pid, signal.SIGTERM)
    assert ended(again)[0] == 128 + signal.SIGTERM


@posix_only
@pytest.mark.slow
def test_the_others_end_if_the_first_rank_is_killed(long_run: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, process = long_run
    os.kill(process.pid, signal.SIGKILL)
    code, printed = ended(process)
    assert code == -signal.SIGKILL
    assert printed[-1] == "beattrack: rank 1 stops, because the process that started it has ended"
    assert read_checkpoint(folder / "last.ckpt")["global_step"] > 0


@posix_only
@pytest.mark.slow
@pytest.mark.parametrize("whom", ["all", "second"])
def test_a_signal_stops_all_ranks_at_one_step(
    home: Path, long_run: tuple[Path, subprocess.Popen[str]], whom: str
) -> None:
    folder, process = long_run
    number = signal.SIGINT if whom == "all" else signal.SIGTERM
    if whom == "all":
        os.killpg(process.pid, number)  # as Ctrl-C does
    else:
        os.kill(rank_one(process.pid), number)
    code, printed = ended(process)
    step = read_checkpoint(folder / "last.ckpt")["global_step"]
    assert code == 128 + number
    assert printed[-1] == f"beattrack: stopped at step {step} of 100000; run the same command to resume"
    assert sum("stopped" in line for line in printed) == 1


@posix_only
@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_ranks(
    home: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = TrainingModule.training_step

    def training_step(self: TrainingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, batch, batch_idx)

    monkeypatch.chdir(home)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", training_step)
        options = (
            "--config",
            "little.toml",
            "--dataset",
            "pack:pack",
            "--accelerator",
            "cpu",
            "--threads",
            1,
        )
        assert run("train", *options, "--run", "half").exit_code == 128 + signal.SIGTERM
    assert read_checkpoint(home / "half" / "last.ckpt")["global_step"] == 3
    finished(start(home, "half", *TWO))
    assert_close(home / "half" / "last.ckpt", whole)


def test_a_process_alone_changes_nothing() -> None:
    numbers = torch.tensor([1.0, 2.0])
    assert ranks.count() == 1
    assert ranks.total(numbers) is numbers
    assert ranks.highest(7, torch.device("cpu")) == 7


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, "was ended by SIGKILL"), (-200, "was ended by signal 200"), (3, "ended with exit code 3")],
)
def test_how_a_process_ended(code: int, said: str) -> None:
    assert ranks.how_it_ended(code) == said


@pytest.mark.parametrize(
    ("variables", "first"),
    [({}, True), ({"NODE_RANK": "0"}, True), ({"NODE_RANK": "1"}, False)],
)
def test_the_first_process_of_a_second_machine_is_not_the_first_of_the_run(
    variables: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODE_RANK", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ranks.is_first_process() is first
