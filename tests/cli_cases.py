"""What the tests of the command line share."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beattrack.cli import main

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


def names(folder: Path) -> list[str]:
    """All files in a folder and below."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def wait_for_the_end_of_all(group: int) -> None:
    """Wait until no process of a group is there any more."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("a process of the run is still there")
