from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import beattrack
from beattrack.cli import COMMANDS
from tests.cli_cases import lines, run, usage_error


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
    assert len(lines(done.stderr)) == 3
    assert lines(done.stderr)[1].startswith(f"beattrack: {absent}: ")
    assert (clip.parent / "blues.00000.beats").read_text() == beattrack.track(clip, threads=1).to_text()
