"""What the commands say on standard error: one line a file, a failure or a warning."""

from __future__ import annotations

import errno
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.outputs import STDIN, Job, write_text
from beattrack.errors import BeattrackError, SettingsError
from beattrack.registry import UnknownModelError
from beattrack.writers import Format, writer_named

if TYPE_CHECKING:
    from beattrack.result import Beats


def run_jobs(jobs: Sequence[Job], track: Callable[[Job], Beats], *, format: Format, quiet: bool) -> int:
    """Track and write each job in order, whatever becomes of the others; give the exit code."""
    failures = 0
    with shown_warnings():
        for job in jobs:
            try:
                start = time.perf_counter()
                beats = track(job)
                _write(beats, job, format)
            except (BeattrackError, OSError, MemoryError) as error:
                if isinstance(error, BrokenPipeError) and job.output is None:
                    raise
                failures += 1
                click.echo(f"beattrack: {label(job.source)}: {reason(error, job.source)}", err=True)
            else:
                if not quiet:
                    click.echo(
                        f"{label(job.source)}: {summary(beats, time.perf_counter() - start)}", err=True
                    )
    return 1 if failures else 0


@contextmanager
def prepared() -> Iterator[None]:
    """End the run in one line where what it needs is not to be had, or an option is wrong (a usage error)."""
    try:
        yield
    except (SettingsError, UnknownModelError) as error:
        raise click.UsageError(str(error)) from error
    except BeattrackError as error:
        raise click.ClickException(str(error)) from error


def summary(beats: Beats, seconds: float) -> str:
    """Say in one line what was found, and how long it took."""
    found = "no beats" if not len(beats) else "1 beat" if len(beats) == 1 else f"{len(beats)} beats"
    tempo = [] if beats.bpm is None else [f"{beats.bpm:.2f} BPM"]
    metre = [] if beats.metre is None else [f"{beats.metre} beats a bar"]
    return ", ".join([*tempo, *metre, found, f"{seconds:.2f} s"])


def reason(error: BaseException, source: str) -> str:
    """Say in one line why a file failed, without the file's name at the front."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and not isinstance(error, BeattrackError) and error.strerror:
        where = f" ({error.filename})" if error.filename not in (None, source) else ""
        return f"{error.strerror}{where}"
    text = str(error).removeprefix(f"{source}: ").removeprefix(f"{label(source)}: ")
    return " ".join(text.split()) or type(error).__name__


def label(source: str) -> str:
    """Name an input in one printable line."""
    if source == STDIN:
        return "standard input"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in source)


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Show each warning once, in one line."""
    seen: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        if text not in seen:
            seen.add(text)
            click.echo(f"beattrack: warning: {text}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _write(beats: Beats, job: Job, format: Format) -> None:
    text = writer_named(format).render(beats)
    if job.output is None:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        # Bytes, so that a terminal's or pipe's encoding cannot fail on a name.
        click.echo(text.encode(), nl=False)
    else:
        write_text(job.output, text)
