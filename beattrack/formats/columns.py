"""Parser of tables of beats, which finds the columns of times and of positions in the bar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from beattrack.formats.cells import Row, is_number, rising, split_rows
from beattrack.formats.positions import IGNORED, counts_up, parse_positions
from beattrack.formats.sequence import FoundBeats, Unit

_TIME_NAMES = frozenset(
    {
        *("time", "times", "timestamp", "timestamps", "beat time", "beat times"),
        *("start", "start time", "begin", "onset", "onset time"),
    }
)
_BEAT_NAMES = frozenset({"beat", "beats"})  # times if no other column holds them, else positions
_POSITION_NAMES = frozenset(
    {
        *("position", "positions", "pos", "position bar", "beat position", "beat bar"),
        *("number", "beat number", "beat type", "count", "label", "labels"),
        *("downbeat", "downbeats", "is downbeat"),
        *_BEAT_NAMES,
    }
)
_UNITS = {"s": "seconds", "sec": "seconds", "secs": "seconds", "second": "seconds", "seconds": "seconds"}
_UNITS |= {"ms": "milliseconds", "msec": "milliseconds", "millis": "milliseconds"}
_UNITS |= {"millisecond": "milliseconds", "milliseconds": "milliseconds"}
_UNITS |= dict.fromkeys(("sample", "samples", "frame", "frames", "tick", "ticks"), "no seconds")

_DOWNBEAT_FLAGS = {"1": "downbeat", "1.0": "downbeat", "0": "beat", "0.0": "beat"}

# A line of fewer numbers is a row of a table.
_TIMES_IN_A_LINE = 4
_LONGEST_TABLE_OF_PAIRS = 8


def parse_table(text: str) -> FoundBeats:
    """Read times and positions from delimited text.

    Args:
        text: content of the file. Blank lines and lines that begin with #, % or a backslash are skipped.

    Returns:
        The beats as they are in the file.

    Raises:
        ValueError: if a row does not begin with a number, if a row is shorter than the header, or if the
            meaning of a column is ambiguous; the message names the line.
    """
    rows = split_rows(text)
    if not rows:
        return FoundBeats(times=[])
    if not any(map(is_number, rows[0][1])):
        return _named_columns(*rows[0], rows[1:])
    return _plain_columns([(number, _without_name(cells, rows)) for number, cells in rows])


def _plain_columns(rows: list[Row]) -> FoundBeats:
    cells = [cells for _, cells in rows]
    if _is_list(rows):
        return FoundBeats(times=[_time(number, cell) for number, line in rows for cell in line])
    if _has_index(cells):
        rows = [(number, line[1:]) for number, line in rows]
        cells = [line for _, line in rows]
    times = [_time(number, line[0]) for number, line in rows]
    positions, notes = _positions(cells, times)
    return FoundBeats(times=times, positions=positions, notes=notes)


def _without_name(cells: list[str], rows: list[Row]) -> list[str]:
    """Remove the name of the audio file, which Sonic Annotator writes into the first or every row."""
    name = rows[0][1][0]
    if is_number(name) or not Path(name).suffix or min(len(line) for _, line in rows) < 2:
        return cells
    return cells[1:] if all(line[0] in ("", name) for _, line in rows[1:]) else cells


def _is_list(rows: list[Row]) -> bool:
    """Return whether rows hold several times each; raise ValueError if they may also be times with labels."""
    cells = [cell for _, line in rows for cell in line]
    if max(len(line) for _, line in rows) < 2 or not all(map(is_number, cells)):
        return False
    numbers = [float(cell) for cell in cells]
    if not rising(numbers):
        return False
    if max(len(line) for _, line in rows) >= _TIMES_IN_A_LINE:
        return True
    seconds = [line[1] for _, line in rows if len(line) > 1]
    whole = all(float(cell).is_integer() for cell in seconds) and len(seconds) == len(rows)
    counting = whole and counts_up([int(float(cell)) for cell in seconds])
    if len(rows) == 1 and len(numbers) == 2:
        return False
    if counting and 1 < len(rows) <= _LONGEST_TABLE_OF_PAIRS:
        return False
    raise ValueError(
        f"line {rows[0][0]} holds {' '.join(rows[0][1])[:40]!r}: several times, or a time and its label; "
        "write one time per line"
    )


def _has_index(rows: list[list[str]]) -> bool:
    """Return whether the first column numbers the rows and the second one holds the times."""
    if len(rows) < 3 or min(map(len, rows)) < 2:
        return False
    if not all(is_number(cell) for line in rows for cell in line[:2]):
        return False
    first, second = [float(line[0]) for line in rows], [float(line[1]) for line in rows]
    numbered = first[0] in (0, 1) and all(after == before + 1 for before, after in pairwise(first))
    whole = [int(number) for number in second if number.is_integer()]
    positions = len(whole) == len(second) and counts_up(whole)
    return numbered and rising(second) and not positions


def _time(number: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"line {number} starts with {cell[:40]!r}, not with a time in seconds") from None


def _named_columns(line: int, header: list[str], rows: list[Row]) -> FoundBeats:
    names, units = zip(*map(_name_and_unit, header), strict=True)
    time = _time_column(names, units)
    if time is None:
        raise ValueError(f"line {line} does not name a time column: {', '.join(header)[:60]!r}")
    if units[time] == "no seconds":
        unit_name = header[time][:40]
        raise ValueError(
            f"line {line} gives the times in {unit_name!r}; convert them to seconds or milliseconds"
        )
    for number, cells in rows:
        if len(cells) < len(header):
            raise ValueError(f"line {number} has {len(cells)} columns, but the header has {len(header)}")
    times = [_time(number, cells[time]) for number, cells in rows]
    unit: Unit | None = "milliseconds" if units[time] == "milliseconds" else None
    others = [index for index, name in enumerate(names) if name in _POSITION_NAMES and index != time]
    if not others or not times:
        return FoundBeats(times=times, unit=unit)
    labels = [cells[others[0]] for _, cells in rows]
    if "downbeat" in names[others[0]]:
        labels = [_DOWNBEAT_FLAGS.get(label, label) for label in labels]
    positions, notes = parse_positions(labels)
    return FoundBeats(times=times, unit=unit, positions=positions, notes=notes)


def _time_column(names: Sequence[str], units: Sequence[str | None]) -> int | None:
    stated = [index for index, unit in enumerate(units) if unit is not None]
    named = [index for index, name in enumerate(names) if name in _TIME_NAMES]
    beats = [index for index, name in enumerate(names) if name in _BEAT_NAMES]
    found = [*named, *stated, *beats]
    return found[0] if found else 0 if len(names) == 1 else None


def _name_and_unit(cell: str) -> tuple[str, str | None]:
    """Split the header of a column, such as "Time (ms)" or "time_s", into its name and its unit, if any."""
    words = re.findall(r"[^\W\d_]+", cell.lower())
    unit = next((_UNITS[word] for word in words if word in _UNITS), None)
    return " ".join(word for word in words if word not in _UNITS and word not in ("in", "the")), unit


def _positions(rows: list[list[str]], times: list[float]) -> tuple[list[int] | None, tuple[str, ...]]:
    """Read positions, with notes, from the first column after the times that holds any."""
    width = max(map(len, rows))
    columns = [[line[index] if index < len(line) else "" for line in rows] for index in range(1, width)]
    if len(columns) > 1 and _are_ends(columns[0], times):
        del columns[0]
    found = [parse_positions(column) for column in columns]
    positions, notes = next((result for result in found if result[0] is not None), (None, ()))
    return positions, notes or ((IGNORED,) if positions is None and any(map(any, columns)) else ())


def _are_ends(column: Sequence[str], times: list[float]) -> bool:
    """Return whether a column holds the end times of Audacity's labels; positions are whole numbers."""
    if not all(map(is_number, column)):
        return False
    ends = [float(cell) for cell in column]
    regions = all(end >= time for time, end in zip(times, ends, strict=True))
    return ends == times or (regions and not all(end.is_integer() for end in ends))
