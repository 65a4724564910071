"""Put beats on their grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from beattrack.gridding.base import Grid, GridPiece
from beattrack.gridding.fit import FILLED, ON_GRID, Piece, drift, fit_grid
from beattrack.gridding.lines import Line

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

Laid: TypeAlias = tuple[Float64, Int64]  # times and tracked beats of a piece

NAMED_PIECES = 4  # in the sentence
AT_ZERO = 0.005  # seconds that the grid of a recording may be moved for its first beat to be at time 0
ROUNDING = 1e-9  # seconds


@dataclass(frozen=True, eq=False)
class Gridded:
    """Beats on their grid.

    Attributes:
        times: seconds, shape (beats,).
        tracked: index of the tracked beat that each was, -1 for beats that the grid fills in, shape (beats,).
        grid: the grid. If the recording has none, the beats are as tracked.
    """

    times: Float64
    tracked: Int64
    grid: Grid


def on_grid(times: Float64, duration: float, fine: Float64 | None = None) -> Gridded:
    """Fit a grid to beats and put them on it.

    Beats between two of the grid are left out, up to 4 missing in a row are filled in.

    Args:
        times: tracked beats in seconds, strictly increasing, shape (beats,).
        duration: duration of the recording in seconds.
        fine: more exact times of the same beats to fit the grid to, shape (beats,); None takes `times`.

    Returns:
        The beats and their grid.
    """
    pieces = fit_grid(times if fine is None else fine)
    if not pieces:
        return Gridded(times, np.arange(len(times)), Grid(False, drift(times)))
    pieces[0] = _from_zero(pieces[0])
    laid = [_laid(pieces[0], duration)]
    for before, piece in pairwise(pieces):
        laid.append(_laid(piece, duration, before.line, laid[-1][0][-1:]))
    seconds, tracked = (np.concatenate(parts) for parts in zip(*laid, strict=True))
    errors = tuple(
        None if index < 0 else round(float(times[index] - time), 5)
        for index, time in zip(tracked, seconds, strict=True)
    )
    stored = _stored(pieces, [part for part, _ in laid], duration)
    return Gridded(seconds, tracked, Grid(True, _sentence(stored, errors), stored, errors))


def _from_zero(piece: Piece) -> Piece:
    """Return the first piece with its first beat at time 0 if it would come just before it, as in loops."""
    if -AT_ZERO <= piece.line.offset < 0:
        return replace(piece, line=Line(piece.line.period, 0.0))
    return piece


def _laid(piece: Piece, duration: float, before: Line | None = None, end: Float64 | None = None) -> Laid:
    """Return times and tracked beats of a piece, with missing beats filled in.

    Args:
        piece: the piece.
        duration: duration of the recording in seconds.
        before, end: line and last beat, shape (1,), of the piece before it.
    """
    numbers, tracked = piece.numbers.tolist(), piece.beats.tolist()
    earliest = -ON_GRID
    if before is not None and end is not None and len(end):
        periods = before.period, piece.line.period
        missing = round((piece.line.offset - end[0]) / max(periods)) - 1
        if 0 < missing <= FILLED:
            numbers, tracked = [*range(-missing, 0), *numbers], [-1] * missing + tracked
        earliest = end[0] + min(periods) / 2
    all_numbers, all_tracked = numbers[:1], tracked[:1]
    for (last, number), beat in zip(pairwise(numbers), tracked[1:], strict=True):
        if number - last <= FILLED + 1:
            all_numbers += range(last + 1, number)
            all_tracked += [-1] * (number - last - 1)
        all_numbers.append(number)
        all_tracked.append(beat)
    times = piece.line.at(np.array(all_numbers))
    # Beats on the grid but outside the recording are left out: moved to its ends, they would not be on it.
    inside = (times > earliest) & (times >= -ROUNDING) & (times <= duration + ROUNDING)
    if before is None:
        inside[: int((inside & (np.array(all_tracked) >= 0)).argmax())] = False  # filled in before the first
    return times[inside].clip(0, duration), np.array(all_tracked)[inside]


def _stored(pieces: Sequence[Piece], laid: Sequence[Float64], duration: float) -> tuple[GridPiece, ...]:
    first = float(laid[0][0]) if len(laid[0]) else max(pieces[0].line.offset, 0.0)
    offsets = [first, *(piece.line.offset for piece in pieces[1:])]
    bounds = [0.0, *offsets[1:], duration]
    rows = zip(pairwise(bounds), pieces, offsets, map(len, laid), strict=True)
    return tuple(
        GridPiece(start, end, piece.bpm, offset, count) for (start, end), piece, offset, count in rows
    )


def _sentence(pieces: Sequence[GridPiece], errors: Sequence[float | None]) -> str:
    named = [f"{piece.bpm:.3f} BPM from {piece.offset:.3f} s" for piece in pieces[:NAMED_PIECES]]
    more = len(pieces) - len(named)
    parts = "" if len(pieces) == 1 else f" in {len(pieces)} pieces"
    tempi = ", ".join(named) + (f" and {more} more" if more else "")
    return f"gridable{parts}: {tempi}, {_distances(errors)}"


def _distances(errors: Sequence[float | None]) -> str:
    distances = np.abs([error for error in errors if error is not None])
    furthest = float(distances.max(initial=0.0))
    if furthest <= ON_GRID:
        return f"all beats within {max(np.ceil(1000 * furthest), 1):.0f} ms"
    within = 100 * float((distances <= ON_GRID).mean())
    return f"{min(within, 99):.0f} % of the beats within {1000 * ON_GRID:.0f} ms"
