"""Check that the times in a file can be beats of music in seconds.

Times in milliseconds, samples, frames or ticks look like seconds, but scoring them as seconds is meaningless.
The limits below allow every tempo of real music.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beattrack.formats.sequence import BeatFileError, Unit

Times = NDArray[np.float64]

# Limits of the median interval in seconds: 6 to 1200 BPM, or from 15 BPM if all times are whole numbers, as
# frames are.
LONGEST, LONGEST_WHOLE, SHORTEST = 10.0, 4.0, 0.05
# Median interval in milliseconds at 200 and at 40 BPM. Larger numbers may as well be samples or ticks, and
# smaller ones frames.
MILLISECONDS = (300.0, 1500.0)
# Common MIDI resolutions and spectrogram hops: constant intervals of one of these are ticks or samples.
TICKS = frozenset({384.0, 480.0, 512.0, 768.0, 960.0, 1024.0})
ENOUGH = 4  # a tempo cannot be judged from fewer beats
# Largest share of times out of order or repeated, and of times before 0 s; FEW of either are always allowed.
UNTIDY, EARLY, FEW = 0.1, 0.5, 3

READ_AS_MILLISECONDS = "times were read as milliseconds"


def in_seconds(
    times: Sequence[float], unit: Unit | None, *, sparse: bool = False
) -> tuple[Times, tuple[str, ...]]:
    """Return the times of a file in seconds, with notes.

    Args:
        times: times as in the file, in any order, shape (n,).
        unit: unit stated by the file, or None.
        sparse: whether times may be further apart than beats.

    Returns:
        Times in seconds, in the same order, shape (n,), and notes on what was changed.

    Raises:
        BeatFileError: if the times can be beats neither in seconds nor, unambiguously, in milliseconds.
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
    if enough and not sparse:
        _check_tempo(median, whole=bool((raw == np.rint(raw)).all()))
    return raw, notes


def _check_order(times: Times) -> None:
    count = len(times)
    behind = int((times[1:] <= np.maximum.accumulate(times)[:-1]).sum())
    if behind > max(FEW, UNTIDY * count):
        raise BeatFileError(
            f"has {behind} of {count} times out of order or repeated; check which column holds the times"
        )
    early = int((times < 0).sum())
    if early > max(FEW, EARLY * count):
        raise BeatFileError(f"has {early} of {count} times before 0 s; check that they are of this recording")


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
        raise BeatFileError(f"has times {median:.3g} s apart, too close for beats; convert them to seconds")
