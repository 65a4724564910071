from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import beattrack
from tests.audio_cases import posix_only
from tests.cli_cases import lines, names, run, wait_for_the_end_of_all

pytestmark = posix_only
FILES = 60


@pytest.fixture
def many(clip: Path) -> Path:
    folder = clip.parent / "many"
    folder.mkdir()
    for number in range(FILES):
        os.link(clip, folder / f"{number:02}.flac")
    return folder


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "beattrack", "predict", "--threads", "1", "-r", str(folder), "-o"]
    environment = {**os.environ, "PYTHONPATH": str(Path(beattrack.__file__).parents[1])}
    return subprocess.Popen(
        [*command, str(folder.parent / "out"), *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,  # a group of its own, which Ctrl-C reaches as a whole
        preexec_fn=heed_all_signals,
    )


def heed_all_signals() -> None:
    """Undo what the tests themselves were started with: nohup and background jobs ignore some signals."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def wait_for_the_first(folder: Path) -> None:
    give_up = time.monotonic() + 60
    while not list(folder.glob("*.beats")):
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "options", "says"),
    [
        (signal.SIGINT, ["--jobs", "2"], "interrupted"),
        (signal.SIGTERM, ["--jobs", "2"], "terminated"),
        (signal.SIGINT, [], "interrupted"),
        (signal.SIGHUP, [], "terminated"),
    ],
)
def test_a_run_that_is_stopped_leaves_whole_files_and_can_go_on(
    many: Path, number: signal.Signals, options: list[str], says: str
) -> None:
    out = many.parent / "out"
    with start(many, *options) as process:
        wait_for_the_first(out)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert lines(told)[-1] == f"beattrack: {says}"
    assert "Traceback" not in told
    done = names(out)
    assert 0 < len(done) < FILES
    assert all(name.endswith(".beats") for name in done)
    assert len({(out / name).read_text() for name in done}) == 1
    wait_for_the_end_of_all(process.pid)


def test_a_stopped_run_goes_on_where_it_was(many: Path) -> None:
    out = many.parent / "out"
    with start(many) as process:
        wait_for_the_first(out)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    before = {name: (out / name).stat().st_mtime_ns for name in names(out)}
    for path in list(many.iterdir())[: FILES - 8]:  # the rest of them would take long
        if f"{path.stem}.beats" not in before:
            path.unlink()
    result = run("predict", "-r", many, "-o", out, "--skip-existing")
    assert result.exit_code == 0
    assert f" {len(before)} skipped" in lines(result.stderr)[-1]
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert len(names(out)) == len(names(many))


def test_two_runs_of_one_folder_do_not_meet(many: Path) -> None:
    for path in sorted(many.iterdir())[8:]:
        path.unlink()
    with start(many) as first, start(many) as second:
        told = [process.communicate(timeout=60)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert names(many.parent / "out") == [f"{number:02}.beats" for number in range(8)]
    assert len({path.read_text() for path in (many.parent / "out").iterdir()}) == 1
