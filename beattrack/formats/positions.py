"""Positions in the bar, read from the labels of beats or counted from downbeats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beattrack.formats.sequence import BeatFileError

# No bar is longer; higher labels are running numbers or something else.
MAX_POSITION = 32
# More labels than this that only increase are running numbers, not one long bar.
_RUNNING = 16
# Seconds between a beat and a downbeat listed separately, which may be rounded to hundredths.
SAME_TIME = 0.0101

IGNORED = "the second column is not a position in the bar and was ignored"
FROM_ZERO = "positions were counted from 0"

_FLAGS = {"downbeat": 1, "beat": 0, "true": 1, "false": 0, "yes": 1, "no": 0}
_BAR_AND_BEAT = re.compile(r"(\d{1,9})[.:](\d{1,9})")
_WHOLE = re.compile(r"(\d{1,9})(?:\.0*)?(?:[eE]\+?0+)?")


def parse_positions(labels: Sequence[str]) -> tuple[list[int] | None, tuple[str, ...]]:
    """Read labels as positions in the bar, 1 = downbeat.

    Labels can be whole numbers up to 32, `bar.beat` or `bar:beat` with beats that count up in each bar, the
    words `downbeat` and `beat` (as 1 and 0), true and false, or present on downbeats only.

    Args:
        labels: label of each beat, "" for none.

    Returns:
        Positions, or None if the labels are something else, and notes on what was ignored or changed.
    """
    words = [label.strip().lower() for label in labels]
    if not any(words):
        return None, ()
    if all(word in _FLAGS for word in words if word) and ("" not in words or "downbeat" in words):
        return [_FLAGS.get(word, 0) for word in words], ()
    if set(words) == {"", "1"}:
        return [int(word == "1") for word in words], ()
    matches = [_WHOLE.fullmatch(word) for word in words]
    numbers = [int(match[1]) for match in matches if match]
    if len(numbers) < len(words):
        counted = _bar_and_beat(words)
        return (counted, ()) if counted else (None, (IGNORED,))
    return _checked(numbers)


def counts_up(numbers: Sequence[int]) -> bool:
    """Return whether numbers count beats in bars: each is 1 or one more than the number before it."""
    inside = all(1 <= number <= MAX_POSITION for number in numbers)
    return inside and all(after in (before + 1, 1) for before, after in pairwise(numbers))


def positions_of(times: Sequence[float], downbeats: Sequence[float]) -> list[int]:
    """Compute positions in the bar, counted from each downbeat, and backwards from the first one.

    Args:
        times: times of all beats in seconds, shape (n,).
        downbeats: times of the downbeats in seconds.

    Returns:
        Position of each beat, shape (n,), 1 at each downbeat; all 0 if there are no downbeats.

    Raises:
        BeatFileError: if there is no beat at the time of a downbeat.
    """
    order = np.argsort(times, kind="stable")
    beats = np.asarray(times, dtype=np.float64)[order]
    first = np.unique([_index_of(beats, time) for time in downbeats]).astype(np.int64)
    positions = np.zeros(len(beats), dtype=np.int64)
    if len(first):
        index = np.arange(len(beats))
        bar = np.searchsorted(first, index, side="right") - 1
        lengths = np.diff(first)
        metre = int(np.bincount(lengths).argmax()) if len(lengths) else 4
        since = index - first[np.maximum(bar, 0)]
        positions[order] = np.where(bar >= 0, since, since % metre) + 1
    return [int(position) for position in positions]


def _index_of(beats: NDArray[np.float64], time: float) -> int:
    index = int(np.abs(beats - time).argmin()) if len(beats) else -1
    if index < 0 or not abs(beats[index] - time) <= SAME_TIME:
        raise BeatFileError(f"has a downbeat at {time:g} s, but no beat there")
    return index


def _checked(numbers: list[int]) -> tuple[list[int] | None, tuple[str, ...]]:
    """Return numbers as positions counted from 1, or None if they are not positions, with notes."""
    if max(numbers) > MAX_POSITION or (len(numbers) > 2 and set(numbers) == {1}):
        return None, (IGNORED,)
    steps = list(pairwise(numbers))
    if len(numbers) > _RUNNING and all(after > before for before, after in steps):
        return None, (IGNORED,)
    from_zero = all(after == before + 1 or (after == 0 and before > 0) for before, after in steps)
    if 0 in numbers and max(numbers) > 1 and from_zero:
        return [number + 1 for number in numbers], (FROM_ZERO,)
    return numbers, ()


def _bar_and_beat(words: Sequence[str]) -> list[int] | None:
    matches = [_BAR_AND_BEAT.fullmatch(word) for word in words]
    pairs = [(int(match[1]), int(match[2])) for match in matches if match]
    if len(pairs) < len(words):
        return None
    counting = all(
        (bar == before[0] and beat == before[1] + 1) or (bar == before[0] + 1 and beat == 1)
        for before, (bar, beat) in pairwise(pairs)
    )
    return [beat for _, beat in pairs] if counting else None
