from __future__ import annotations

import pytest

from beattrack.runtime import progress as module
from beattrack.runtime.progress import Progress, count, duration, progress_line


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (36061, "10:01:01")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_line_tells_files_audio_speed_and_time_left() -> None:
    assert progress_line(0, 3, 0.0, 0.0, None) == "0/3 files, 0:00 of audio"
    assert progress_line(1, 3, 180.0, 2.0, 4.0) == "1/3 files, 3:00 of audio, 90 x real time, 0:04 left"
    assert progress_line(3, 3, 180.0, 2.0, 0.0) == "3/3 files, 3:00 of audio, 90 x real time"


def test_the_time_left_goes_by_size_and_skipped_files_cost_none(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    progress = Progress(4, 1000, shown=True, clock=lambda: now)
    progress.advance(audio=0.0, bytes=400, skipped=True)
    now = 10.0
    progress.advance(audio=60.0, bytes=200)
    progress.draw()
    assert capsys.readouterr().err == "2/4 files, 1:00 of audio, 6 x real time, 0:20 left"


def test_nothing_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(4, 1000, shown=False)
    progress.draw()
    progress.clear()
    assert capsys.readouterr() == ("", "")


def test_no_line_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    Progress(4, 1000, shown=True).draw()
    assert capsys.readouterr().err == "0/4 files, 0:00 of "


def test_a_count_is_one_line_on_a_terminal_and_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert count("songs packed") is None
    monkeypatch.setattr(module, "on_terminal", lambda: True)
    draw = count("songs packed")
    assert draw is not None
    draw(1, 2)
    draw(2, 2)
    assert capsys.readouterr().err == "\r\x1b[K1/2 songs packed\r\x1b[K2/2 songs packed\n"
