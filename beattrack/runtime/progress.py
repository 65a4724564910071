"""How far a run is: the one line at the foot of a terminal, and what it says."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

import click


class StatusLine:
    """One line on standard error that is drawn over and over, or never if `shown` is false."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown

    def draw(self, text: str) -> None:
        """Write the text in place of the one before, cut to the width of the terminal."""
        self._write(text[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Remove the line, to make room for another."""
        self._write("")

    def end(self) -> None:
        """Let the line stand, and what follows begin below it."""
        if self.shown:
            click.echo(err=True)

    def _write(self, text: str) -> None:
        if self.shown:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False, color=True)


class FileProgress:
    """Draws how far a run over files is, or nothing if `shown` is false.

    total: number of files. bytes: of all files, by which the time left is judged.
    """

    def __init__(
        self, total: int, bytes: int, *, shown: bool, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._line = StatusLine(shown=shown)
        self._total, self._bytes, self._clock = total, bytes, clock
        self._start = clock()
        self._files = self._bytes_done = 0
        self._audio = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def advance(self, *, audio: float, bytes: int, skipped: bool = False) -> None:
        """Count a file: its seconds of audio and its size; one that was skipped took no time."""
        self._files += 1
        self._audio += audio
        if skipped:
            self._bytes -= bytes
        else:
            self._bytes_done += bytes

    def draw(self) -> None:
        """Draw the line."""
        left = None
        if self._bytes_done:
            left = self.elapsed * max(self._bytes - self._bytes_done, 0) / self._bytes_done
        self._line.draw(progress_line(self._files, self._total, self._audio, self.elapsed, left))

    def clear(self) -> None:
        """Remove the line, to make room for another."""
        self._line.clear()


def progress_line(files: int, total: int, audio: float, elapsed: float, left: float | None) -> str:
    """Say how far the run is: files, audio in seconds, speed, seconds left."""
    parts = [f"{files}/{total} files", f"{duration(audio)} of audio"]
    if audio and elapsed:
        parts.append(f"{audio / elapsed:.0f} x real time")
    if left is not None and files < total:
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Give a duration as minutes and seconds, or hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Count:
    """Draws how many items of how many are done, and the time left; called with both numbers.

    The pace is that since the first call, or since the last that began anew. One item alone is not counted.
    """

    def __init__(self, what: str, *, shown: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self._what, self._clock = what, clock
        self._line = StatusLine(shown=shown)
        self._first = self._last = (0, 0)  # done and total
        self._start = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Draw the line, which stays once all are done."""
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
    """Return a count of `what`, such as `songs packed`; None if nobody is watching."""
    return Count(what, shown=True) if on_terminal() else None


def on_terminal() -> bool:
    """Tell whether a person is watching standard error."""
    return sys.stderr is not None and sys.stderr.isatty()
