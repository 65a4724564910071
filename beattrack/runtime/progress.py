"""How far a run is, in one line at the foot of a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

import click


class Progress:
    """Draws the line, or nothing where `shown` is false.

    total: number of files. bytes: of all files, by which the time left is judged.
    """

    def __init__(
        self, total: int, bytes: int, *, shown: bool, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._total, self._bytes, self._shown, self._clock = total, bytes, shown, clock
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
        """Write the line, without an end."""
        if self._shown:
            left = None
            if self._bytes_done:
                left = self.elapsed * max(self._bytes - self._bytes_done, 0) / self._bytes_done
            line = progress_line(self._files, self._total, self._audio, self.elapsed, left)
            click.echo(line[: shutil.get_terminal_size().columns - 1], err=True, nl=False)

    def clear(self) -> None:
        """Remove the line, to make room for another."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False, color=True)


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


def count(what: str) -> Callable[[int, int], None] | None:
    """Draw how many there are done of how many, over and over in one line; None where nobody is watching."""

    def draw(done: int, total: int) -> None:
        click.echo(f"\r\x1b[K{done}/{total} {what}", err=True, nl=done == total, color=True)

    return draw if on_terminal() else None


def on_terminal() -> bool:
    """Tell whether a person is watching standard error."""
    return sys.stderr is not None and sys.stderr.isatty()
