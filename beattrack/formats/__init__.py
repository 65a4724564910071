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


_WRITERS: dict[str, Writer] = {"beats": BeatsWriter(), "json": JsonWriter(), "csv": CsvWriter()}


def writer_named(format: Format) -> Writer:
    """Give the writer of a format; SettingsError for a name that is none."""
    if format not in _WRITERS:
        raise SettingsError(f"format must be one of {', '.join(_WRITERS)}, not {format!r}")
    return _WRITERS[format]


def writer_for(path: str | os.PathLike[str]) -> Writer:
    """Give the writer that the suffix of `path` tells; SettingsError for a suffix of none."""
    suffix = Path(path).suffix.lower()
    for writer in _WRITERS.values():
        if writer.suffix == suffix:
            return writer
    known = ", ".join(writer.suffix for writer in _WRITERS.values())
    raise SettingsError(f"{os.fspath(path)}: the suffix tells no format; end the name in one of {known}")
