"""Columns of a text file of beats: which one holds the times, which the positions in the bar."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

# No bar is longer: higher labels are running numbers or something else.
MAX_POSITION = 32

_TIME_NAMES = frozenset({"time", "times", "start", "onset", "seconds", "beat_time", "time_s"})
_POSITION_NAMES = frozenset({"position", "label", "beat_number", "beat_in_bar", "number"})
_BAR_AND_BEAT = re.compile(r"(\d+)[.:](\d+)")


@dataclass(frozen=True)
class Table:
    """times: seconds of each row. labels: text of each row's label; None where there is no such column."""

    times: list[float]
    labels: list[str] | None


def parse_table(text: str) -> Table:
    """Find times and labels in delimited text; lines that are blank or start with # are skipped.

    Raises ValueError, naming the line, where a row does not start with a number or rows differ in length.
    """
    rows = [
        (number, _cells(line))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    header = None
    if rows and not any(map(_is_number, rows[0][1])):
        header = [cell.strip().lower() for cell in rows.pop(0)[1]]
        if not _TIME_NAMES & set(header):
            raise ValueError(f"line 1 holds no time: {', '.join(header)[:60]!r}")
    if not rows:
        return Table([], None)
    if header is not None:
        return _named_columns(rows, header)
    if _from_annotator([cells for _, cells in rows]):
        rows = [(number, cells[1:]) for number, cells in rows]
    times = [_time(number, cells[0]) for number, cells in rows]
    return Table(times, _label_column([cells for _, cells in rows], times))


def parse_positions(labels: Sequence[str]) -> list[int] | None:
    """Read labels as positions in the bar; None where they are something else.

    Understood are whole numbers up to 32, `bar.beat` or `bar:beat` with beats counting up in each bar, and
    the words `downbeat` and `beat` (as 1 and 0).
    """
    words = [label.strip().lower() for label in labels]
    if all(word in ("downbeat", "beat") for word in words):
        return [int(word == "downbeat") for word in words]
    if all(map(_is_number, words)) and all(float(word).is_integer() for word in words):
        numbers = [int(float(word)) for word in words]
        if all(0 <= number <= MAX_POSITION for number in numbers):
            return numbers
    return _bar_and_beat(words)


def _bar_and_beat(words: Sequence[str]) -> list[int] | None:
    matches = [_BAR_AND_BEAT.fullmatch(word) for word in words]
    pairs = [(int(match[1]), int(match[2])) for match in matches if match]
    if len(pairs) < len(words):
        return None
    steps = pairwise(pairs)
    counting = all(
        (bar == before[0] and beat == before[1] + 1) or (bar == before[0] + 1 and beat == 1)
        for before, (bar, beat) in steps
    )
    return [beat for _, beat in pairs] if counting else None


def _cells(line: str) -> list[str]:
    for delimiter in ("\t", ",", ";"):
        if delimiter in line:
            return [cell.strip() for cell in next(csv.reader([line.strip(" ")], delimiter=delimiter))]
    return line.split()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _from_annotator(rows: list[list[str]]) -> bool:
    """Sonic Annotator writes the audio file's name in the first row and an empty cell in the others."""
    named = not _is_number(rows[0][0]) and Path(rows[0][0]).suffix != ""
    return named and all(not cells[0] for cells in rows[1:]) and all(len(cells) > 1 for cells in rows)


def _time(number: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"line {number} starts with {cell[:40]!r}, not with a time in seconds") from None


def _named_columns(rows: list[tuple[int, list[str]]], header: list[str]) -> Table:
    for number, cells in rows:
        if len(cells) < len(header):
            raise ValueError(f"line {number} has {len(cells)} columns, its header {len(header)}")
    time = next(index for index, name in enumerate(header) if name in _TIME_NAMES)
    label = next((index for index, name in enumerate(header) if name in _POSITION_NAMES), None)
    times = [_time(number, cells[time]) for number, cells in rows]
    labels = None if label is None else [cells[label] for _, cells in rows]
    return Table(times, labels if labels is None or any(labels) else None)


def _label_column(rows: list[list[str]], times: list[float]) -> list[str] | None:
    if min(map(len, rows)) < 2:
        return None
    second = [cells[1] for cells in rows]
    if min(map(len, rows)) >= 3 and all(map(_is_number, second)):
        ends = [float(cell) for cell in second]
        points = ends == times
        regions = all(end >= time for time, end in zip(times, ends, strict=True))
        # Audacity writes start, end and label; a position in the bar is a whole number.
        if points or (regions and not all(end.is_integer() for end in ends)):
            return [cells[2] for cells in rows]
    return second
