"""What the commands say on standard error: one line a file, a failure or a warning."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.inputs import STDIN
from beattrack.errors import BeattrackError, SettingsError
from beattrack.registry import UnknownModelError

if TYPE_CHECKING:
    from beattrack.result import Beats


@contextmanager
def prepared() -> Iterator[None]:
    """End the run in one line where what it needs is not to be had, or an option is wrong (a usage error).

    A closed pipe is left to the program's end, which is silent then.
    """
    try:
        yield
    except (SettingsError, UnknownModelError) as error:
        raise click.UsageError(str(error)) from error
    except BeattrackError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        place = "" if error.filename is None else f"{label(str(error.filename))}: "
        raise click.ClickException(f"{place}{error.strerror or error}") from error


def summary(beats: Beats, seconds: float) -> str:
    """Say in one line what was found, and how long it took."""
    found = "no beats" if not len(beats) else "1 beat" if len(beats) == 1 else f"{len(beats)} beats"
    tempo = [] if beats.bpm is None else [f"{beats.bpm:.2f} BPM"]
    metre = [] if beats.metre is None else [f"{beats.metre} beats a bar"]
    return ", ".join([*tempo, *metre, found, f"{seconds:.2f} s"])


def reason(error: Exception, source: str) -> str:
    """Say in one line why a file failed, without the file's name at the front."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and not isinstance(error, BeattrackError) and error.strerror:
        where = f" ({label(str(error.filename))})" if error.filename not in (None, source) else ""
        return f"{error.strerror}{where}"
    text = str(error).removeprefix(f"{source}: ").removeprefix(f"{label(source)}: ")
    text = " ".join(text.split()) or type(error).__name__
    return text if isinstance(error, BeattrackError | OSError) else f"{_place(error)}: {text}"


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return f"a fault in beattrack, please report it: {type(error).__name__} at {place}"


def label(source: str) -> str:
    """Name an input in one printable line."""
    if source in (STDIN, ""):
        return "standard input" if source else "''"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in source)


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect warnings, each one line of text and each once."""
    texts: list[str] = []

    def collect(message: Warning | str, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        if text not in texts:
            texts.append(text)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = collect
        yield texts
