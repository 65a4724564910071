"""The beats of a file, before and after they are checked and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import BeattrackError

# mir_eval refuses later events, which are nearly always milliseconds or samples mistaken for seconds.
MAX_SECONDS = 30000.0

Unit = Literal["seconds", "milliseconds"]


class BeatFileError(BeattrackError):
    """A beat or tempo file cannot be read."""


@dataclass(frozen=True, kw_only=True)
class FoundBeats:
    """The content of a beat file, as a parser found it.

    Attributes:
        times: times of the beats, in file order.
        unit: unit of the times; None if the file does not state it.
        positions: position in the bar of each beat; None if the file has none.
        downbeats: times of the downbeats, if the file lists them separately; else None.
        tempo: tempo in BPM; None if not stated.
        duration: duration of the recording in seconds; None if not stated.
        model: name of the network; None if not stated.
        notes: sentences about what was ignored or changed.
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
    """The beats of a file, sorted.

    Attributes:
        times: beat times in seconds, strictly increasing, shape (n,).
        positions: position of each beat in its bar, 1 = downbeat, shape (n,); None if the file has
            no positions.
        tempo: tempo in BPM stated by the file; None if not stated.
        notes: sentences about what was changed or ignored.
        model: name of the model that produced the file; None if not stated.
        duration: duration of the recording in seconds; None if not stated.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64] | None = None
    tempo: float | None = None
    notes: tuple[str, ...] = ()
    model: str | None = None
    duration: float | None = None

    @property
    def downbeats(self) -> NDArray[np.float64] | None:
        """Times of the downbeats in seconds, shape (downbeats,); None if the positions are unknown."""
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
    """Return beats sorted, with each time once; of beats at the same time, a downbeat is kept.

    Args:
        times: seconds in any order, shape (n,).
        positions: whole numbers, shape (n,), or None.
        tempo, notes, model, duration: as in `BeatSequence`.

    Returns:
        The beats, with notes on what was changed.

    Raises:
        BeatFileError: if a time is not finite or is above 30 000 s, or if the lengths differ.
    """
    seconds = np.asarray(times, dtype=np.float64).reshape(-1)
    bars = None if positions is None else np.asarray(positions, dtype=np.int64).reshape(-1)
    if not np.isfinite(seconds).all():
        raise BeatFileError("holds a time that is not a number")
    if seconds.size and seconds.max() > MAX_SECONDS:
        raise BeatFileError(
            f"holds a beat at {seconds.max():g}; times must be in seconds, at most {MAX_SECONDS:g}"
        )
    if bars is not None and bars.shape != seconds.shape:
        raise BeatFileError(f"holds {seconds.size} times but {bars.size} positions")
    told = list(notes)
    if (np.diff(seconds) < 0).any():
        told.append("times out of order were sorted")
    # Of equal times, the first is kept; downbeats are sorted first.
    order = np.lexsort((seconds,) if bars is None else (bars != 1, seconds))
    seconds, bars = seconds[order], None if bars is None else bars[order]
    keep = np.diff(seconds, prepend=-np.inf) > 0
    if not keep.all():
        told.append("repeated times were counted once")
    if seconds.size and seconds[0] < 0:
        told.append("beats before 0 s are not scored")
    kept = None if bars is None else bars[keep]
    return BeatSequence(seconds[keep], kept, tempo, tuple(told), model, duration)
