"""Checks that annotated beats fit their audio and can be used for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.datasets.base import DatasetError
from beattrack.datasets.songs import Trust
from beattrack.formats.readers import BeatFileError, beat_sequence

MIN_BEATS = 4
# Seconds between beats, 12 to 600 BPM. Outside this range, the times are not in seconds or not of beats.
INTERVALS = (0.1, 5.0)
MAX_METRE = 32  # a larger position counts the beats of the piece, not of the bar
EARLY = "before 0 s"  # marks notes on negative times, here and in the readers of beat files
MAX_BEYOND = 0.05  # share of the beats that may be after the end, for instance if a fade-out was cut off


@dataclass(frozen=True, kw_only=True, eq=False)
class UsableBeats:
    """Beats to train on.

    Attributes:
        times: beat times in seconds within the audio, strictly increasing, shape (beats,).
        positions: position of each beat in its bar, 1 = downbeat, 0 = unknown, shape (beats,).
        downbeats: `yes`, or `no` if no downbeat is known.
        notes: sentences about what was fixed.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64]
    downbeats: Trust
    notes: tuple[str, ...] = ()


def usable_beats(times: ArrayLike, positions: ArrayLike | None, *, seconds: float) -> UsableBeats:
    """Check annotated beats against the duration of the audio, and fix small faults.

    Times out of order are sorted. Repeated times, times before 0 and a few times after the end are left out.
    Each fix is noted.

    Args:
        times: beat times in seconds, shape (beats,).
        positions: positions in the bar, 1 = downbeat, shape (beats,); None if unknown.
        seconds: duration of the audio.

    Returns:
        The beats that can be used.

    Raises:
        DatasetError: if there are too few beats, their tempo is not musical, or the annotation belongs to a
            longer recording.
    """
    try:
        ordered = beat_sequence(times, positions)
    except (BeatFileError, TypeError, ValueError) as error:
        raise DatasetError(f"its annotation {error}") from error
    notes = [note for note in ordered.notes if EARLY not in note]
    if not len(ordered.times):
        raise DatasetError("its annotation holds no beats")
    bars = _bars(ordered.positions, len(ordered.times), notes)
    kept = (ordered.times >= 0) & (ordered.times < seconds)
    early, late = int((ordered.times < 0).sum()), int((ordered.times >= seconds).sum())
    if not fits(ordered.times, seconds):
        raise DatasetError(
            f"its audio ({seconds:.1f} s) is shorter than its annotation (to {ordered.times[-1]:.1f} s)"
        )
    notes += [f"{_count(early)} {EARLY} left out"] if early else []
    notes += [f"{_count(late)} after the end of the audio left out"] if late else []
    usable, bars = ordered.times[kept], bars[kept]
    if len(usable) < MIN_BEATS:
        raise DatasetError(f"its annotation holds only {_count(len(usable))}; {MIN_BEATS} are needed")
    interval = float(np.median(np.diff(usable)))
    if not INTERVALS[0] <= interval <= INTERVALS[1]:
        raise DatasetError(f"its beats are {interval:.3g} s apart, which is not a musical tempo")
    return UsableBeats(
        times=usable, positions=bars, downbeats="yes" if (bars == 1).any() else "no", notes=tuple(notes)
    )


def fits(times: NDArray[np.float64], seconds: float) -> bool:
    """Return whether beats fit the duration of a recording.

    Only beats of the last interval, or one beat in twenty, may be after its end.

    Args:
        times: beat times in seconds, strictly increasing, shape (beats,).
        seconds: duration of the recording.
    """
    late = int((times >= seconds).sum())
    if not late:
        return True
    if late == len(times):
        return False
    interval = float(np.median(np.diff(times)))
    return bool(times[-1] < seconds + interval) or late <= MAX_BEYOND * len(times)


def _bars(positions: NDArray[np.int64] | None, beats: int, notes: list[str]) -> NDArray[np.int64]:
    """Return the positions in the bar, or zeros, with a note if the given ones are not positions."""
    unknown = np.zeros(beats, np.int64)
    if positions is None:
        return unknown
    if positions.max() > MAX_METRE or (positions == 1).all() or not (positions == 1).any():
        notes.append("its second column is not a position in the bar and was ignored")
        return unknown
    return np.maximum(positions, 0)


def _count(beats: int) -> str:
    return f"{beats} beat" if beats == 1 else f"{beats} beats"
