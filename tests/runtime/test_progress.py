from __future__ import annotations

import pytest

from beattrack.runtime import progress as module
from beattrack.runtime.progress import Count, FileProgress, StatusLine, count, duration, progress_line


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
    progress = FileProgress(4, 1000, shown=True, clock=lambda: now)
    progress.advance(audio=0.0, bytes=400, skipped=True)
    now = 10.0
    progress.advance(audio=60.0, bytes=200)
    progress.draw()
    assert capsys.readouterr().err == "\r\x1b[K2/4 files, 1:00 of audio, 6 x real time, 0:20 left"


def test_nothing_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    progress = FileProgress(4, 1000, shown=False)
    progress.draw()
    progress.clear()
    assert capsys.readouterr() == ("", "")


def test_no_line_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    FileProgress(4, 1000, shown=True).draw()
    assert capsys.readouterr().err == "\r\x1b[K0/4 files, 0:00 of "


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


def test_the_time_left_of_a_count_goes_by_what_was_done_since_its_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    draw = Count("files analysed", shown=True, clock=lambda: now)
    draw(10, 30)  # ten were in the cache
    now = 20.0
    draw(20, 30)
    draw(30, 30)
    draw(0, 30)  # of the next dataset
    now = 30.0
    draw(5, 30)
    lines = capsys.readouterr().err.split("\r\x1b[K")[1:]
    counted = ["10/30", "20/30", "30/30", "0/30", "5/30"]
    left = ["", ", 0:20 left", "\n", "", ", 0:50 left"]
    assert lines == [f"{done} files analysed{more}" for done, more in zip(counted, left, strict=True)]


def test_a_line_is_removed_for_another_and_ends_where_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    line = StatusLine(shown=True)
    line.draw("half")
    line.clear()
    line.draw("all")
    line.end()
    assert capsys.readouterr().err == "\r\x1b[Khalf\r\x1b[K\r\x1b[Kall\n"
