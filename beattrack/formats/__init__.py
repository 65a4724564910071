"""Formats of beat files: a writer class for each output format, and readers for files of any tool.

This module does not import NumPy, so that the command line can list the formats without loading it.
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
    """A writer of one output format.

    Attributes:
        suffix: suffix of the format's files, with the dot.
    """

    suffix: str

    def render(self, beats: Beats) -> str:
        """Return the text of a whole file, which ends with a newline."""
        ...


_PLAIN_TEXT = ("", ".txt")
_WRITERS: dict[str, Writer] = {"beats": BeatsWriter(), "json": JsonWriter(), "csv": CsvWriter()}


def writer_named(format: Format) -> Writer:
    """Return the writer of a format.

    Args:
        format: one of `FORMATS`.

    Raises:
        SettingsError: if the format is unknown.
    """
    if not isinstance(format, str) or format not in _WRITERS:
        raise SettingsError(f"format must be one of {', '.join(_WRITERS)}, not {format!r}")
    return _WRITERS[format]


def format_for(path: str | os.PathLike[str]) -> Format:
    """Return the format for a path's suffix; `beats`, which is plain text, for .txt and for no suffix.

    Other suffixes are refused, because programs that know them could not read the file.

    Args:
        path: path of an output file; it need not exist.

    Raises:
        SettingsError: if the suffix is unknown.
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
    """Return the writer for a path's suffix; see `format_for`.

    Raises:
        SettingsError: if the suffix is unknown.
    """
    return writer_named(format_for(path))
