"""Formats of beat files: a writer class for each output format, and readers for files of any tool.

`FORMAT_TABLE` lists the output formats. A writer is imported when it is used, and this module does not import
NumPy, so that the command line can list the formats without loading it.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from beattrack.errors import SettingsError
from beattrack.formats.beats import BeatsWriter
from beattrack.formats.csv import CsvWriter
from beattrack.formats.json import JsonWriter
from beattrack.formats.options import UNITS, Units, WriteOptions
from beattrack.formats.table import FORMAT_TABLE, FormatInfo

if TYPE_CHECKING:
    from beattrack.result import Beats

__all__ = [
    "FORMATS",
    "FORMAT_TABLE",
    "UNITS",
    "BeatsWriter",
    "CsvWriter",
    "Format",
    "FormatInfo",
    "JsonWriter",
    "Units",
    "WriteOptions",
    "Writer",
    "encode",
    "format_for",
    "format_info",
    "writer_for",
    "writer_named",
]

Format = Literal[
    "beats",
    "json",
    "csv",
    "audacity",
    "sv",
    "sv-csv",
    "jams",
    "midi",
    "rekordbox",
    "reaper",
    "dawproject",
    "osu",
    "stepmania",
    "chart",
    "edl",
    "fcpxml",
]
FORMATS: tuple[Format, ...] = get_args(Format)


class Writer(Protocol):
    """A writer of one output format.

    Attributes:
        suffix: suffix of the format's files, with the dot.
    """

    suffix: str

    def render(self, beats: Beats) -> str | bytes:
        """Return the content of a whole file; a text ends with a newline."""
        ...


_PLAIN_TEXT = ("", ".txt")


def format_info(format: Format) -> FormatInfo:
    """Return what is known of a format.

    Raises:
        SettingsError: if there is no such format.
    """
    if not isinstance(format, str) or format not in FORMAT_TABLE:
        raise SettingsError(f"format must be one of {', '.join(FORMAT_TABLE)}, not {format!r}")
    return FORMAT_TABLE[format]


def writer_named(format: Format, options: WriteOptions | None = None) -> Writer:
    """Return the writer of a format.

    Args:
        format: name of the format.
        options: how to write times; None for seconds.

    Raises:
        SettingsError: if there is no such format, or if it has no such units.
    """
    info = format_info(format)
    options = options or WriteOptions()
    if options.units not in info.units:
        raise SettingsError(f"the times of {format} are always in {info.units[0]}; leave out units")
    module, name = info.writer.split(":")
    make = getattr(import_module(f"beattrack.formats.{module}"), name)
    writer: Writer = make(options) if info.has_options else make()
    return writer


def encode(beats: Beats, format: Format, options: WriteOptions | None = None) -> bytes:
    """Return the content of a file as bytes, text in UTF-8.

    Args:
        beats: the beats.
        format: name of the format.
        options: how to write times; None for seconds.

    Raises:
        SettingsError: as for `writer_named`.
    """
    content = writer_named(format, options).render(beats)
    return content.encode("utf-8") if isinstance(content, str) else content


def format_for(path: str | os.PathLike[str]) -> Format:
    """Return the format for a path's suffix; `beats`, which is plain text, for .txt and for no suffix.

    Other suffixes are refused, because programs that know them could not read the file, and so are those that
    belong to no single format, such as .xml.

    Args:
        path: path of an output file; it need not exist.

    Raises:
        SettingsError: if the suffix is unknown.
    """
    name = os.fspath(path)
    lower = Path(name).name.lower()
    for format in sorted(FORMATS, key=lambda name: -len(FORMAT_TABLE[name].suffix)):
        info = FORMAT_TABLE[format]
        if not info.shared_suffix and lower.endswith(info.suffix):
            return format
    if Path(name).suffix.lower() in _PLAIN_TEXT:
        return "beats"
    known = ", ".join(info.suffix for info in FORMAT_TABLE.values() if not info.shared_suffix)
    raise SettingsError(f"{name}: unknown output format; use one of {known}, or name the format")


def writer_for(path: str | os.PathLike[str]) -> Writer:
    """Return the writer for a path's suffix; see `format_for`.

    Raises:
        SettingsError: if the suffix is unknown.
    """
    return writer_named(format_for(path))
