"""Beats as a file gives them, put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import BeattrackError

# mir_eval refuses later events: they are nearly always milliseconds or samples taken for seconds.
MAX_SECONDS = 30000.0

Unit = Literal["seconds", "milliseconds"]


class BeatFileError(BeattrackError):
    """A beat or tempo file cannot be read."""


@dataclass(frozen=True, kw_only=True)
class FoundBeats:
    """What the parser of one kind of file has found, as it stands there.

    times: of the beats, in file order. unit: of the times if the file states it, else None.
    positions: position in the bar of each beat; None if the file has none. downbeats: times of the downbeats
    if the file lists them apart, else None.
    tempo: BPM. duration: of the recording in seconds. model: name of the network. Each is None if not stated.
    notes: what was ignored or changed, in words.
    """

    times: Sequence[float]
    unit: Unit | None = None
    positions: Sequence[int] | None = None
    downbeats: Sequence[float] | None = None
    tempo: float | None = None
    duration: float | None = None
    model: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BeatSequence:
    """Beats as a file gives them, in order.

    times: (n,) seconds, strictly increasing. positions: (n,) position in the bar, 1 = downbeat, other values
    for beats between; None if the file has times only. tempo: BPM stated by the file itself, or None.
    notes: what was changed or ignored, in words. model: the one that the file says it comes from, or None.
    duration: of the recording, if the file states it, seconds.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64] | None = None
    tempo: float | None = None
    notes: tuple[str, ...] = ()
    model: str | None = None
    duration: float | None = None

    @property
    def downbeats(self) -> NDArray[np.float64] | None:
        """Times of the downbeats, None if the bars are unknown."""
        return None if self.positions is None else self.times[self.positions == 1]


def beat_sequence(
    times: ArrayLike,
    positions: ArrayLike | None = None,
    *,
    tempo: float | None = None,
    notes: Sequence[str] = (),
    model: str | None = None,
    duration: float | None = None,
) -> BeatSequence:
    """Put raw times in order: sorted, each time once (the downbeat if equal times differ).

    Args:
        times: (n,) seconds.
        positions: (n,) whole numbers, or None.
        tempo, notes, model, duration: as in BeatSequence.

    Raises:
        BeatFileError: if a time is not finite or above 30 000 s, or if the lengths differ.
    """
    seconds = np.asarray(times, dtype=np.float64).reshape(-1)
    bars = None if positions is None else np.asarray(positions, dtype=np.int64).reshape(-1)
    if not np.isfinite(seconds).all():
        raise BeatFileError("holds a time that is not a number")
    if seconds.size and seconds.max() > MAX_SECONDS:
        raise BeatFileError(
            f"holds a beat at {seconds.max():g}; times must be seconds, at most {MAX_SECONDS:g}"
        )
    if bars is not None and bars.shape != seconds.shape:
        raise BeatFileError(f"holds {seconds.size} times but {bars.size} positions")
    told = list(notes)
    if (np.diff(seconds) < 0).any():
        told.append("times out of order were sorted")
    # Of equal times the downbeat comes first and is the one kept.
    order = np.lexsort((seconds,) if bars is None else (bars != 1, seconds))
    seconds, bars = seconds[order], None if bars is None else bars[order]
    keep = np.diff(seconds, prepend=-np.inf) > 0
    if not keep.all():
        told.append("repeated times were counted once")
    if seconds.size and seconds[0] < 0:
        told.append("beats before 0 s are not scored")
    kept = None if bars is None else bars[keep]
    return BeatSequence(seconds[keep], kept, tempo, tuple(told), model, duration)
