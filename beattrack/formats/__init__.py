"""Output formats: one small class each, with a `suffix` and a method `render`.

Nothing here needs NumPy, so that the command line can name the formats before it loads anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from beattrack.errors import SettingsError
from beattrack.formats.beats import BeatsWriter
from beattrack.formats.csv import CsvWriter
from beattrack.formats.json import JsonWriter

if TYPE_CHECKING:
    from beattrack.result import Beats

__all__ = [
    "FORMATS",
    "BeatsWriter",
    "CsvWriter",
    "Format",
    "JsonWriter",
    "Writer",
    "format_for",
    "writer_for",
    "writer_named",
]

Format = Literal["beats", "json", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)


class Writer(Protocol):
    """What every output format offers."""

    suffix: str

    def render(self, beats: Beats) -> str:
        """Give the text of a whole file, its last line ended."""
        ...


_PLAIN_TEXT = ("", ".txt")
_WRITERS: dict[str, Writer] = {"beats": BeatsWriter(), "json": JsonWriter(), "csv": CsvWriter()}


def writer_named(format: Format) -> Writer:
    """Return the writer of a format; SettingsError for a name that is none."""
    if not isinstance(format, str) or format not in _WRITERS:
        raise SettingsError(f"format must be one of {', '.join(_WRITERS)}, not {format!r}")
    return _WRITERS[format]


def format_for(path: str | os.PathLike[str]) -> Format:
    """Return the format for a path's suffix; `beats`, which is plain text, for .txt and for no suffix.

    Raises SettingsError for any other suffix: a program that knows it could not read the file.
    """
    name = os.fspath(path)
    suffix = Path(name).suffix.lower()
    for format in FORMATS:
        if _WRITERS[format].suffix == suffix:
            return format
    if suffix in _PLAIN_TEXT:
        return "beats"
    known = ", ".join(_WRITERS[format].suffix for format in FORMATS)
    raise SettingsError(f"{name}: unknown output format; use one of {known}, or name the format")


def writer_for(path: str | os.PathLike[str]) -> Writer:
    """Return the writer for a path's suffix; see `format_for`."""
    return writer_named(format_for(path))
