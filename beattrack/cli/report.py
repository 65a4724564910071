"""The messages of commands on standard error: one line per file, failure or warning."""

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
    """Turn errors into click's exceptions, which end the program with one line.

    BrokenPipeError passes, because it ends the program silently.

    Raises:
        click.UsageError: for SettingsError and UnknownModelError.
        click.ClickException: for other errors of beattrack and for OSError.
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
    """Return a summary of the beats in one line; `seconds` is the time taken."""
    found = "no beats" if not len(beats) else "1 beat" if len(beats) == 1 else f"{len(beats)} beats"
    tempo = [] if beats.bpm is None else [f"{beats.bpm:.2f} BPM"]
    metre = [] if beats.metre is None else [f"{beats.metre} beats a bar"]
    sure = [] if beats.certainty is None else [f"certainty {beats.certainty.file:.2f}"]
    told = ", ".join([*tempo, *metre, found, *sure, f"{seconds:.2f} s"])
    if beats.certainty is not None and beats.certainty.low:
        told += "; check this one"
    return told if beats.grid is None else f"{told}; {beats.grid.sentence}"


def reason(error: Exception, source: str) -> str:
    """Return why a file failed, in one line without the name of the file."""
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
    return f"a bug in beattrack, please report it: {type(error).__name__} at {place}"


def label(source: str) -> str:
    """Return the name of an input without unprintable characters."""
    if source in (STDIN, ""):
        return "standard input" if source else "''"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in source)


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Yield a list that collects the text of warnings, each once and in one line."""
    texts: list[str] = []

    def collect(message: Warning | str, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        if text not in texts:
            texts.append(text)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = collect
        yield texts
