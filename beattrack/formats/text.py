"""Reader of text files in the encodings that beat files have."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from beattrack.formats.sequence import BeatFileError

MAX_BYTES = 1 << 26  # beat files have kilobytes; this keeps recordings from filling the memory

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a text file in UTF-8, UTF-16 (written by Windows) or Latin-1 (written by old tools).

    Args:
        path: path of the file.

    Returns:
        The text, without a byte order mark.

    Raises:
        BeatFileError: if the file cannot be opened, is not text, or is larger than 64 MB.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BeatFileError(f"{name}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # the name contains a null character
        raise BeatFileError(f"{name!r}: cannot be read ({error})") from error
    if len(data) > MAX_BYTES:
        raise BeatFileError(f"{name}: is too large for a beat file; check that it is not a recording")
    text = _decoded(data)
    if text is None or "\0" in text:
        raise BeatFileError(f"{name}: is not a text file")
    return text


def _decoded(data: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data.removeprefix(mark), encoding)
    # Without a mark, every second byte of UTF-16 digits and line ends is zero.
    if data[1:2] == b"\0":
        return _decode(data, "utf-16-le")
    if data[:1] == b"\0":
        return _decode(data, "utf-16-be")
    text = _decode(data, "utf-8")
    return data.decode("latin-1") if text is None else text


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
