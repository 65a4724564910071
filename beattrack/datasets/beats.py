"""Whether annotated beats fit the audio they belong to, and can be trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.datasets.base import DatasetError
from beattrack.datasets.songs import Trust
from beattrack.formats.readers import BeatFileError, beat_sequence

MIN_BEATS = 4
# Seconds between beats, 12 to 600 BPM: beyond them a file's times are not seconds, or not of beats.
INTERVALS = (0.1, 5.0)
MAX_METRE = 32  # a larger position counts the beats of the piece, not of the bar
EARLY = "before 0 s"  # in notes on negative times, here and where beat files are read
MAX_BEYOND = 0.05  # share of the beats that may lie after the end, as where a fade-out was cut off


@dataclass(frozen=True, kw_only=True, eq=False)
class UsableBeats:
    """Beats to train on, and what was mended.

    times: (beats,) seconds within the audio, strictly increasing. positions: (beats,) position in the bar,
    1 = downbeat, 0 where unknown. downbeats: `no` where no bar is known. notes: what was mended, in words.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64]
    downbeats: Trust
    notes: tuple[str, ...] = ()


def usable_beats(times: ArrayLike, positions: ArrayLike | None, *, seconds: float) -> UsableBeats:
    """Check beats against the length of the audio.

    times: (beats,) seconds; positions: (beats,) whole numbers, 1 = downbeat, or None where bars are unknown;
    seconds: length of the audio. Times out of order are sorted, repeated ones, those before 0 and a few after
    the end are left out: all with a note.
    Raises DatasetError, saying why, where they cannot be used: hardly any beats, no tempo of music, or most
    of an annotation that belongs to a longer recording.
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
        raise DatasetError(f"its annotation holds only {_count(len(usable))}, of {MIN_BEATS} that are needed")
    interval = float(np.median(np.diff(usable)))
    if not INTERVALS[0] <= interval <= INTERVALS[1]:
        raise DatasetError(f"its beats are {interval:.3g} s apart, which is no tempo of music")
    return UsableBeats(
        times=usable, positions=bars, downbeats="yes" if (bars == 1).any() else "no", notes=tuple(notes)
    )


def fits(times: NDArray[np.float64], seconds: float) -> bool:
    """Tell whether beats belong to a recording of that length.

    Only their fringe may lie after its end: one interval, or one beat in twenty.

    Args:
        times: (beats,) seconds, strictly increasing.
        seconds: length of the recording.
    """
    late = int((times >= seconds).sum())
    if not late:
        return True
    if late == len(times):
        return False
    interval = float(np.median(np.diff(times)))
    return bool(times[-1] < seconds + interval) or late <= MAX_BEYOND * len(times)


def _bars(positions: NDArray[np.int64] | None, beats: int, notes: list[str]) -> NDArray[np.int64]:
    """Positions in the bar, or zeros, with a note where there are some that are none."""
    unknown = np.zeros(beats, np.int64)
    if positions is None:
        return unknown
    if positions.max() > MAX_METRE or (positions == 1).all() or not (positions == 1).any():
        notes.append("its second column is not a position in the bar and was ignored")
        return unknown
    return np.maximum(positions, 0)


def _count(beats: int) -> str:
    return f"{beats} beat" if beats == 1 else f"{beats} beats"
