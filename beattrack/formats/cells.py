"""Delimited text split into rows of cells, with decimal commas turned into points."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from beattrack.formats.positions import MAX_POSITION, counts_up

# Number of the line, from 1, and its cells without surrounding quotes and blanks.
Row: TypeAlias = tuple[int, list[str]]

# Comments, and lines with the frequency range of an Audacity label, which begin with a backslash.
_SKIPPED = ("#", "%", "\\")
_DELIMITERS = ("\t", ";", ",")  # the first if several are equally frequent
_QUOTED = re.compile(r'"[^"]*"')
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_COMMA_THEN_BLANK = re.compile(rf"\s*{_DECIMAL_COMMA.pattern}(?:\s+\S.*)?")
_DIGITS = re.compile(r"[+-]?\d{1,12}")
_FRACTION = re.compile(r"\d{1,18}(?:[eE][+-]?\d{1,2})?")
_POSITION = re.compile(r"0|[1-9]\d{0,8}")  # without leading zeros, which decimals may have


def split_rows(text: str) -> list[Row]:
    """Split delimited text into rows of cells, without blank lines and comments.

    Args:
        text: lines of cells. The separator is the one of tab, semicolon and comma that most lines contain, or
            blanks if no line contains any.

    Returns:
        The rows; numbers have decimal points.

    Raises:
        ValueError: if a comma may be either a decimal comma or a separator.
    """
    lines = [
        (number, line.strip(" "))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith(_SKIPPED)
    ]
    delimiter = _delimiter([line for _, line in lines])
    if delimiter == ",":
        headless = [line for _, line in lines if not line[:1].isalpha()]
        if all(_COMMA_THEN_BLANK.fullmatch(line) for line in headless) and any(map(_has_blank, headless)):
            delimiter = None
    rows = [(number, _cells(line, delimiter)) for number, line in lines]
    single = delimiter is None and len(rows) > 1 and max(len(cells) for _, cells in rows[1:]) == 1
    if single and not any(map(is_number, rows[0][1])):
        rows[0] = (rows[0][0], [" ".join(rows[0][1])])  # the header of a single column
    if delimiter == ",":
        return _with_decimals_joined(rows)
    return [(number, [_with_point(cell) for cell in cells]) for number, cells in rows]


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def rising(numbers: Sequence[float]) -> bool:
    """Return whether the numbers are strictly increasing."""
    return all(after > before for before, after in pairwise(numbers))


def _delimiter(lines: Sequence[str]) -> str | None:
    bare = [_QUOTED.sub("", line) for line in lines]
    counts = {delimiter: sum(delimiter in line for line in bare) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None or delimiter not in line:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _has_blank(line: str) -> bool:
    return len(line.split()) > 1


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _with_decimals_joined(rows: list[Row]) -> list[Row]:
    """Join whole seconds and decimals that were split at a decimal comma, as in 0,500 or 0,500,1."""
    data = [row for row in rows if any(map(is_number, row[1]))]
    headers = [cells for _, cells in rows if not any(map(is_number, cells))]
    if not data or not all(_may_hold_decimals(cells) for _, cells in data):
        return rows
    if any(len(header) == len(data[0][1]) for header in headers):
        return rows
    joined = [(number, [".".join(cells[:2]), *cells[2:]]) for number, cells in data]
    if not rising([float(cells[0]) for _, cells in joined]):
        return rows
    positions = [int(cells[1]) for _, cells in data if len(cells) > 1 and _POSITION.fullmatch(cells[1])]
    if rising([int(cells[0]) for _, cells in data]) and len(positions) == len(data):
        if counts_up(positions):
            return rows
        if max(positions) <= MAX_POSITION:
            number, cells = data[0]
            raise ValueError(
                f"line {number} holds {','.join(cells)[:40]!r}: the comma may be a decimal comma or "
                "separate time and position; write decimal points"
            )
    kept = dict(joined)
    return [(number, kept.get(number, cells)) for number, cells in rows]


def _may_hold_decimals(cells: list[str]) -> bool:
    if not 1 <= len(cells) <= 3 or not _DIGITS.fullmatch(cells[0]):
        return False
    return len(cells) == 1 or _FRACTION.fullmatch(cells[1]) is not None
