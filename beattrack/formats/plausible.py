"""Whether what a file holds can be the beats of music, in seconds.

Annotations in milliseconds, samples, frames or ticks look like numbers of seconds; scored as such they give
meaningless scores. No tempo of music needs the limits below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beattrack.formats.sequence import BeatFileError, Unit

Times = NDArray[np.float64]

# Median seconds between beats: 6 to 1200 beats a minute, or from 15 on if all times are whole, as frames are.
LONGEST, LONGEST_WHOLE, SHORTEST = 10.0, 4.0, 0.05
# Median milliseconds between beats of 40 to 200 BPM: for larger numbers, samples or ticks are as likely, for
# smaller ones, frames.
MILLISECONDS = (300.0, 1500.0)
# Resolutions of MIDI files, and hops of spectrograms: intervals of exactly so many are ticks or samples.
TICKS = frozenset({384.0, 480.0, 512.0, 768.0, 960.0, 1024.0})
ENOUGH = 4  # fewer beats have no tempo that could be judged
# Share of the times that may be out of order or repeated, and that may lie before 0 s; a few always may.
UNTIDY, EARLY, FEW = 0.1, 0.5, 3

READ_AS_MILLISECONDS = "times were read as milliseconds"


def in_seconds(times: Sequence[float], unit: Unit | None) -> tuple[Times, tuple[str, ...]]:
    """Return times in seconds.

    Args:
        times: (n,) as they stand in a file, in any order.
        unit: as the file states it, or None.

    Returns:
        Times (n,) in seconds, in the same order, and notes on what was changed.

    Raises:
        BeatFileError: if they cannot be times of beats in seconds, nor only in milliseconds.
    """
    raw = np.asarray(times, dtype=np.float64)
    if not np.isfinite(raw).all():
        raise BeatFileError("holds a time that is not a number")
    _check_order(raw)
    intervals = np.diff(np.unique(raw))
    median = float(np.median(intervals)) if intervals.size else 0.0
    enough = intervals.size + 1 >= ENOUGH
    notes: tuple[str, ...] = ()
    if unit == "milliseconds" or (unit is None and enough and _in_milliseconds(intervals, median)):
        raw, median, notes = raw / 1000, median / 1000, (READ_AS_MILLISECONDS,)
    if enough:
        _check_tempo(median, whole=bool((raw == np.rint(raw)).all()))
    return raw, notes


def _check_order(times: Times) -> None:
    count = len(times)
    behind = int((times[1:] <= np.maximum.accumulate(times)[:-1]).sum())
    if behind > max(FEW, UNTIDY * count):
        raise BeatFileError(
            f"has {behind} of {count} times out of order or repeated; is another column the time?"
        )
    early = int((times < 0).sum())
    if early > max(FEW, EARLY * count):
        raise BeatFileError(f"has {early} of {count} times before 0 s; do they belong to another recording?")


def _in_milliseconds(intervals: Times, median: float) -> bool:
    steady = bool((intervals == median).all())
    return MILLISECONDS[0] <= median <= MILLISECONDS[1] and not (steady and median in TICKS)


def _check_tempo(median: float, *, whole: bool) -> None:
    if median > (LONGEST_WHOLE if whole else LONGEST):
        raise BeatFileError(
            f"has times {median:g} apart, too far for beats; convert frames, samples, ticks or milliseconds "
            "to seconds"
        )
    if median < SHORTEST:
        raise BeatFileError(
            f"has times {median:.3g} s apart, too close for beats; give the times of beats in seconds"
        )
