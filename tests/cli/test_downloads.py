from __future__ import annotations

import io
from typing import Any

import click
import pytest

from beattrack.cli import downloads


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "on_terminal", lambda: True)
    monkeypatch.setattr(downloads.sys, "stdin", Terminal())


def test_the_option_is_leave_and_what_happens_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    allowed = downloads.leave(True)
    assert allowed is not None
    assert allowed.ask("gtzan-mini: download it from example.org to /data")
    assert capsys.readouterr().err == "gtzan-mini: download it from example.org to /data\n"
    silent = downloads.leave(True, shown=False)
    assert silent is not None
    assert silent.ask("anything")
    assert silent.progress is None
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_the_person_is_asked(
    at_terminal: None, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    asked: list[str] = []

    def confirm(text: str, **options: Any) -> bool:
        asked.append(text)
        assert options["err"] is True  # standard output is for results
        return answer

    monkeypatch.setattr(click, "confirm", confirm)
    allowed = downloads.leave(False)
    assert allowed is not None
    assert allowed.ask("download it") is answer
    assert asked == ["download it?"]


def test_without_option_and_terminal_there_is_no_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "on_terminal", lambda: False)
    assert downloads.leave(False) is None
    monkeypatch.setattr(downloads, "on_terminal", lambda: True)
    monkeypatch.setattr(downloads.sys, "stdin", None)
    assert downloads.leave(False) is None


def test_progress_is_one_line(at_terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    allowed = downloads.leave(True)
    assert allowed is not None
    assert allowed.progress is not None
    allowed.progress(1_500_000, 118_000_000)
    allowed.progress(118_000_000, 118_000_000)
    allowed.progress(2_000_000, None)
    lines = capsys.readouterr().err.split("\r\x1b[K")[1:]
    assert lines == ["1.5 of 118.0 MB", "118.0 of 118.0 MB\n", "2.0 MB"]
