"""Reader of files of anchors: beats that a recording is known to have."""

from __future__ import annotations

import os
import re

from beattrack.decoding.anchors import DEFAULT_TOLERANCE, Anchors
from beattrack.errors import SettingsError
from beattrack.formats.cells import is_number, split_rows
from beattrack.formats.positions import MAX_POSITION
from beattrack.formats.readers import read_beats
from beattrack.formats.sequence import BeatFileError
from beattrack.formats.text import read_text

_WHOLE = re.compile(r"[+-]?\d{1,9}")
_OTHER_UNITS = re.compile(r"^# *units:(?! *seconds)", re.MULTILINE)


def read_anchors(path: str | os.PathLike[str], tolerance: float = DEFAULT_TOLERANCE) -> Anchors:
    """Read anchors from lines of `time [position]`, or from a beat file of any supported format.

    In such lines, some may have a position and others not. A position of 0, with which some tools mark beats
    that are not downbeats, is no position.

    Args:
        path: path of the file.
        tolerance: see `Anchors`.

    Raises:
        BeatFileError: if the file cannot be read, or has no beats; the message names the file.
        SettingsError: if the tolerance is out of range.
    """
    name = os.fspath(path)
    rows = _lines(read_text(path), name)
    if rows is None:
        beats = read_beats(path, sparse=True)
        places = [None] * len(beats.times) if beats.positions is None else beats.positions.tolist()
        rows = [(time, place or None) for time, place in zip(beats.times.tolist(), places, strict=True)]
    if not rows:
        raise BeatFileError(f"{name}: has no beats; write lines of a time in seconds and a position")
    for time, _ in rows:
        if time < 0:
            raise BeatFileError(f"{name}: has an anchor at {time:g} s, before the start of the recording")
    try:
        return Anchors(tuple(time for time, _ in rows), tuple(place for _, place in rows), tolerance)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from error


def _lines(text: str, name: str) -> list[tuple[float, int | None]] | None:
    """Return times and positions if a text consists of lines of `time [position]` in seconds, else None.

    Raises:
        BeatFileError: if a position is a whole number that cannot be one.
    """
    try:
        rows = [cells for _, cells in split_rows(text)]
    except ValueError:
        return None
    if _OTHER_UNITS.search(text):
        return None
    rows = [_without_end(cells) for cells in rows]
    for cells in rows:
        if not is_number(cells[0]) or len([cell for cell in cells if cell]) > 2:
            return None
    positions = [cells[1] if len(cells) > 1 else "" for cells in rows]
    if not all(_WHOLE.fullmatch(position) for position in positions if position):
        return None
    for position in positions:
        if position and not 0 <= int(position) <= MAX_POSITION:
            raise BeatFileError(f"{name}: has the position {position}; positions are 1 to {MAX_POSITION}")
    return [
        (float(cells[0]), int(position or 0) or None) for cells, position in zip(rows, positions, strict=True)
    ]


def _without_end(cells: list[str]) -> list[str]:
    """Leave out the second time of a point label of Audacity, which has its time twice."""
    return [cells[0], *cells[2:]] if len(cells) == 3 and cells[0] == cells[1] else cells
