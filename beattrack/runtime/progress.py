"""Progress displays: one line at the bottom of the terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

import click

LOG_SECONDS = 60.0  # between two lines in a log


class StatusLine:
    """A line on standard error that is redrawn in place; nothing is drawn if `shown` is false."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown

    def draw(self, text: str) -> None:
        """Replace the line by `text`, cut to the width of the terminal."""
        self._write(text[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Erase the line, so that other output can take its place."""
        self._write("")

    def end(self) -> None:
        """Keep the line and move to the next."""
        if self.shown:
            click.echo(err=True)

    def _write(self, text: str) -> None:
        if self.shown:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False, color=True)


class FileProgress:
    """Progress of a run over files.

    Args:
        total: number of files.
        bytes: size of all files, from which the remaining time is estimated.
        shown: whether to draw anything.
        logged: whether to print a line every `LOG_SECONDS`, for runs of hours without a terminal.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        total: int,
        bytes: int,
        *,
        shown: bool,
        logged: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._line, self._logged = StatusLine(shown=shown), logged
        self._total, self._bytes, self._clock = total, bytes, clock
        self._start = self._logged_at = clock()
        self._files = self._bytes_done = 0
        self._audio = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def advance(self, *, audio: float, bytes: int, skipped: bool = False) -> None:
        """Count a file as done.

        Args:
            audio: duration of its audio in seconds.
            bytes: size of the file.
            skipped: whether it was skipped; skipped files do not count for the speed.
        """
        self._files += 1
        self._audio += audio
        if skipped:
            self._bytes -= bytes
        else:
            self._bytes_done += bytes

    def draw(self) -> None:
        """Draw the current progress."""
        left = None
        if self._bytes_done:
            left = self.elapsed * max(self._bytes - self._bytes_done, 0) / self._bytes_done
        text = progress_line(self._files, self._total, self._audio, self.elapsed, left)
        self._line.draw(text)
        if self._logged and self._clock() > self._logged_at + LOG_SECONDS:
            self._logged_at = self._clock()
            click.echo(text, err=True)

    def clear(self) -> None:
        """Erase the line, so that other output can take its place."""
        self._line.clear()


def progress_line(files: int, total: int, audio: float, elapsed: float, left: float | None) -> str:
    """Return the text of a progress line.

    Args:
        files: number of files done.
        total: number of all files.
        audio: duration of the audio done, in seconds.
        elapsed: seconds since the start.
        left: estimated seconds left; None if unknown.
    """
    parts = [f"{files}/{total} files", f"{duration(audio)} of audio"]
    if audio and elapsed:
        parts.append(f"{audio / elapsed:.0f} x real time")
    if left is not None and files < total:
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration as minutes:seconds, or hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Count:
    """Progress of a run over items: items done, their total, and the remaining time.

    The remaining time is estimated from the speed since the first call, or since the last call with fewer
    items done or another total. A single item is not shown.

    Args:
        what: the items and what is done to them, such as `songs packed`.
        shown: whether to draw anything.
        clock: returns the time in seconds.
    """

    def __init__(self, what: str, *, shown: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self._what, self._clock = what, clock
        self._line = StatusLine(shown=shown)
        self._first = self._last = (0, 0)  # done and total
        self._start = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Draw the line; keep it when all items are done."""
        if total < 2:
            return
        if total != self._last[1] or done < self._last[0]:
            self._first, self._start = (done, total), self._clock()
        self._last = (done, total)
        text, since = f"{done}/{total} {self._what}", done - self._first[0]
        if since > 0 and done < total:
            text += f", {duration((self._clock() - self._start) * (total - done) / since)} left"
        self._line.draw(text)
        if done == total:
            self._line.end()


def count(what: str) -> Count | None:
    """Return a progress display of `what`, such as `songs packed`; None if stderr is not a terminal."""
    return Count(what, shown=True) if on_terminal() else None


def on_terminal() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()
