"""Decide whether the beats of a recording have a grid: one constant tempo, or a few of some length each.

A tempo passes its beats if at least 95 % of them lie within 25 ms of its grid, and if the median error of 9
beats in a row never exceeds 15 ms: single misplaced beats are the tracker's, a drift is the music's. No more
than every tenth beat may be missing; otherwise the beats are those of a slower tempo. A piece has at least 16
beats, and pieces have 64 on average, because shorter ones are not tempi but follow a drift. Of the divisions
that are cheapest at a falling price per piece, the first whose pieces all pass is taken, so that there are as
few pieces as possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.gridding.lines import Line, counted_beats, fitted, nearest_ones, on_line, one_line
from beattrack.gridding.segments import segments
from beattrack.tempo import local_tempo

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_BEATS = 8  # of a grid
ON_GRID = 0.025  # seconds
ON_GRID_SHARE = 0.95
DRIFT = 0.015  # seconds
DRIFT_BEATS = 9
MISSING_SHARE = 0.1
FILLED = 4  # beats missing in a row; more are a pause
PIECE_BEATS = 16
MEAN_PIECE_BEATS = 64
PRICES = (0.5, 0.1, 0.02, 0.005)  # square seconds; 0.02 are 32 beats that are 25 ms off
BPM_DECIMALS = 3


@dataclass(frozen=True, eq=False)
class Piece:
    """Beats on one line.

    Attributes:
        line: the line; its period is that of a tempo rounded to 0.001 BPM, its offset that of beat 0.
        beats: indices of the beats, ascending, shape (n,).
        numbers: their numbers on the line, strictly increasing, from 0, shape (n,).
    """

    line: Line
    beats: Int64
    numbers: Int64

    @property
    def bpm(self) -> float:
        """Beats per minute."""
        return round(60 / self.line.period, BPM_DECIMALS)


def fit_grid(times: Float64) -> list[Piece]:
    """Return the pieces of the grid that the beats follow.

    Args:
        times: beat times in seconds, strictly increasing, shape (beats,).

    Returns:
        The pieces in order; none if the beats follow no grid.
    """
    if len(times) < LEAST_BEATS:
        return []
    line = one_line(times)
    if line is not None:
        numbers = line.numbers(times)
        kept = nearest_ones(numbers, np.abs(times - line.at(numbers)))
        errors = np.where(kept, times - line.at(numbers), np.inf)
        if passes(errors) and not lacks_beats(numbers[kept]):
            return [_piece(np.flatnonzero(kept), numbers[kept], times)]
    return _several(times)


def passes(errors: Float64) -> bool:
    """Return whether a tempo passes its beats, given their errors in seconds, inf for beats too many."""
    if (np.abs(errors) <= ON_GRID).mean() < ON_GRID_SHARE:
        return False
    near = errors[np.isfinite(errors)]
    span = min(DRIFT_BEATS, len(near))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(near, span), axis=1)
    return bool((np.abs(medians) <= DRIFT).all())


def lacks_beats(numbers: Int64) -> bool:
    """Return whether too many beats are missing among those with these numbers, pauses not counted."""
    gaps = np.diff(numbers) - 1
    return bool(gaps[gaps <= FILLED].sum() > MISSING_SHARE * len(numbers))


def drift(times: Float64) -> str:
    """Return in words why beats follow no grid."""
    if len(times) < LEAST_BEATS:
        return f"not gridable: there are fewer than {LEAST_BEATS} beats"
    tempi = local_tempo(times, 4)
    low, high = np.nanquantile(tempi, (0.02, 0.98))
    if high / low > 1.01:
        return f"not gridable: the tempo drifts between {low:.1f} and {high:.1f} BPM"
    return f"not gridable: the beats are not evenly spaced, at about {np.nanmedian(tempi):.1f} BPM"


def _several(times: Float64) -> list[Piece]:
    numbers, kept = counted_beats(times)
    if kept.mean() < ON_GRID_SHARE:
        return []
    counted = np.flatnonzero(kept)
    used = counted
    for price in PRICES:
        for _ in range(2):  # the second time without the misplaced beats that the first one shows
            if len(used) < PIECE_BEATS:
                return []
            owner, errors = _divided(numbers[used], times[used], price, numbers[counted], times[counted])
            if owner[-1] >= 1 + len(counted) / MEAN_PIECE_BEATS:
                return []  # at a lower price there are no fewer
            misplaced = np.abs(errors) > ON_GRID
            used = counted[~misplaced]
            if not misplaced.any():
                break
        members = [owner == index for index in range(owner[-1] + 1)]
        if all(_is_piece(numbers[counted[member]], errors[member]) for member in members):
            return _pieces([counted[member] for member in members], numbers, times)
        used = counted
    return []


def _pieces(members: list[Int64], numbers: Int64, times: Float64) -> list[Piece]:
    """Return pieces of these beats and of those not counted that lie on the line of one of them.

    Next to a change of tempo, beats may be at odds with the local tempo.
    """
    pieces: list[Piece] = []
    taken = np.zeros(len(times), dtype=bool)
    taken[np.concatenate(members)] = True
    for index, own in enumerate(members):
        line = _robust_line(numbers[own], times[own])
        first = members[index - 1][-1] if index else -1
        last = members[index + 1][0] if index + 1 < len(members) else len(times)
        free = first + 1 + np.flatnonzero(~taken[first + 1 : last])
        free = free[np.abs(times[free] - line.at(line.numbers(times[free]))) <= ON_GRID]
        taken[free] = True
        beats = np.sort(np.concatenate([own, free]))
        counts = line.numbers(times[beats])
        kept = nearest_ones(counts, np.abs(times[beats] - line.at(counts)))
        pieces.append(_piece(beats[kept], counts[kept], times))
    return pieces


def _is_piece(numbers: Int64, errors: Float64) -> bool:
    return len(numbers) >= PIECE_BEATS // 2 and passes(errors) and not lacks_beats(numbers)


def _divided(
    numbers: Int64, times: Float64, price: float, all_numbers: Int64, all_times: Float64
) -> tuple[Int64, Float64]:
    """Divide beats at the least cost.

    Returns:
        For all beats, the index of the piece that each belongs to, and its error in seconds.
    """
    parts = segments(numbers, times, price=price, least=PIECE_BEATS)
    lines = [_robust_line(numbers[part], times[part]) for part in parts]
    starts = [int(numbers[part.start]) for part in parts]
    changes = [_change(*pair) for pair in zip(lines, lines[1:], starts[1:], strict=False)]
    owner: Int64 = np.searchsorted(changes, all_numbers, side="right")
    periods, offsets = np.array([(line.period, line.offset) for line in lines]).T
    return owner, all_times - periods[owner] * all_numbers - offsets[owner]


def _robust_line(numbers: Int64, times: Float64) -> Line:
    line = fitted(numbers, times)
    errors = np.abs(times - line.at(numbers))
    kept = errors <= max(4 * 1.4826 * float(np.median(errors)), 0.005)
    return fitted(numbers[kept], times[kept]) if kept.sum() >= 2 else line


def _change(before: Line, after: Line, start: int) -> int:
    """Return the number of the beat at which the tempo changes: the one nearest to where two lines meet.

    This beat lies on both lines, so that a division may begin with it or after it.
    """
    if before.period == after.period:
        return start
    meeting = round((before.offset - after.offset) / (after.period - before.period))
    return meeting if abs(meeting - start) <= 2 else start


def _piece(beats: Int64, numbers: Int64, times: Float64) -> Piece:
    """Return the piece with a rounded tempo, and the offset that fits it best."""
    seconds = times[beats]
    numbers = numbers - numbers[0]
    line = _robust_line(numbers, seconds)
    period = 60 / round(60 / line.period, BPM_DECIMALS)
    errors = seconds - period * numbers
    kept = on_line(seconds, Line(period, float(np.median(errors))))
    offset = float(errors[kept].mean()) if kept.any() else float(np.median(errors))
    return Piece(Line(period, round(offset, 4)), beats, numbers)
