"""The grid of a DAW for a recording: bars and beats from time 0 on, so that the beats fall on its beats.

A DAW counts from time 0, a recording rarely begins with a beat. The grid therefore begins with a lead-in:
whole beats at about the tempo of the music if there is room for them, else a half, a quarter or an eighth of
a beat. The lead-in and the pick-up share the first bar, whose time signature is short, so that all downbeats
begin bars. In a pause the grid goes on counting at the tempo before it. A beat is a quarter note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from beattrack.formats.tempo_map import EXACT, Quantise, TempoPiece, tempo_map

if TYPE_CHECKING:
    from beattrack.result import Beats

USUAL_METRE = 4  # of music whose bars are not known
LONGEST_BAR = 16  # longer distances between downbeats are several bars
_PAUSE = 2.5  # times the tempo around it: from here on, beats are missing
_LONGEST_PERIOD = 4.0  # seconds per beat: no DAW can do with much slower tempi than a pause makes of it
_SHORTEST_PERIOD = (
    0.1  # seconds per beat to count pauses with, or times that are no music would make millions
)
_AROUND = 8  # intervals on each side that tell the tempo around an interval
_SHORTEST_LEAD = Fraction(1, 8)


@dataclass(frozen=True)
class Signature:
    """A time signature from a place on, which is counted in beats, that is quarter notes."""

    place: Fraction
    numerator: int
    denominator: int


@dataclass(frozen=True)
class Grid:
    """Bars and beats of a recording from time 0 on.

    Attributes:
        places: of the beats, in quarter notes from time 0, (n,).
        tempi: pieces of constant tempo; the first begins at place and time 0.
        signatures: time signatures; the first is at place 0.
        bars: places of the downbeats.
    """

    places: list[Fraction]
    tempi: list[TempoPiece]
    signatures: list[Signature]
    bars: list[Fraction]


def grid(beats: Beats, *, tolerance: float = EXACT, quantise: Quantise = float) -> Grid:
    """Compute the grid of a recording.

    Args:
        beats: the beats.
        tolerance: largest distance of a beat from its place on the grid, in seconds.
        quantise: rounds seconds per beat to what the file can state.

    Returns:
        The grid. Without beats it is 4/4 at 120 BPM; with one beat its tempo comes from the lead-in.
    """
    times = spaced(beats.times.tolist())
    counts = counted(times)
    period = _first_period(times, counts)
    lead = _lead(times[0], period) if times else Fraction(0)
    places = [lead + count for count in counts]
    anchors = [(Fraction(0), 0.0), *zip(places, times, strict=True)]
    marks, starts = _filled(anchors if lead else [anchors[0], *anchors[2:]])
    first = {starts.index(float(lead))} if lead else set()
    tempi = tempo_map(marks, starts, tolerance=tolerance, quantise=quantise, fixed_start=True, breaks=first)
    bars = [places[index] for index in downbeat_indices(beats)]
    downbeats = bars or [place + pick_up(beats) for place in places[:1]]
    signatures = _signatures(downbeats, metre_of(beats))
    return Grid(places, tempi or [TempoPiece(0.0, 0.0, quantise(period))], signatures, bars)


def spaced(times: Sequence[float]) -> list[float]:
    """Return times that are a millisecond apart at least, as a tempo is finite."""
    kept: list[float] = []
    for time in times:
        kept.append(max(time, kept[-1] + 0.001) if kept else time)
    return kept


def counted(times: Sequence[float]) -> list[int]:
    """Return the number of each beat from 0 on, with beats that a pause leaves out counted too, (n,)."""
    intervals = [after - before for before, after in pairwise(times)]
    counts = [0] if times else []
    for index, interval in enumerate(intervals):
        around = min(median(intervals[max(0, index - _AROUND) : index + _AROUND + 1]), _LONGEST_PERIOD)
        missing = round(interval / max(around, _SHORTEST_PERIOD))
        counts.append(counts[-1] + (max(1, missing) if interval > _PAUSE * around else 1))
    return counts


def downbeat_indices(beats: Beats) -> list[int]:
    """Return the indices of the downbeats."""
    positions = [] if beats.positions is None else beats.positions.tolist()
    return [index for index, position in enumerate(positions) if position == 1]


def metre_of(beats: Beats) -> int:
    """Return the beats in most bars, or 4 if that is not known."""
    return min(beats.metre or USUAL_METRE, LONGEST_BAR)


def pick_up(beats: Beats) -> int:
    """Return the number of beats before the first downbeat; without one, the first position tells it."""
    if beats.positions is None or not len(beats):
        return 0
    indices = downbeat_indices(beats)
    return indices[0] if indices else int(1 - beats.positions[0]) % metre_of(beats)


def bar_labels(beats: Beats) -> list[str]:
    """Return `bar.beat` for each beat, such as 12.3, with a pick-up in bar 0; '' without positions."""
    if beats.positions is None:
        return [""] * len(beats)
    labels, bar = [], 0
    for position in beats.positions.tolist():
        bar += position == 1
        labels.append(f"{bar}.{position}")
    return labels


def _first_period(times: Sequence[float], counts: Sequence[int]) -> float:
    """Return seconds per beat of the first beats."""
    last = min(len(times), _AROUND + 1) - 1
    if last < 1:
        return 0.5
    return (times[last] - times[0]) / (counts[last] - counts[0])


def _filled(anchors: Sequence[tuple[Fraction, float]]) -> tuple[list[float], list[float]]:
    """Return times and places of the anchors and of the beats that are missing between them.

    Over a long pause rounded tempi would add up to an error.
    """
    times, places = [anchors[0][1]], [float(anchors[0][0])]
    for (place, time), (next_place, next_time) in pairwise(anchors):
        beats = max(1, int(next_place - place))
        for beat in range(1, beats):
            times.append(time + (next_time - time) * beat / beats)
            places.append(float(place + beat))
        times.append(next_time)
        places.append(float(next_place))
    return times, places


def _lead(first: float, period: float) -> Fraction:
    """Return the length of the lead-in in beats: 0 if the first beat is at time 0."""
    if first <= EXACT:
        return Fraction(0)
    beats = first / max(period, _SHORTEST_PERIOD)
    if beats >= 0.5:
        return Fraction(max(1, round(beats)))
    lead = Fraction(1, 2)
    while lead > _SHORTEST_LEAD and beats < lead * 3 / 4:
        lead /= 2
    return lead


def _signatures(downbeats: Sequence[Fraction], metre: int) -> list[Signature]:
    """Return the time signatures before, at and after the downbeats."""
    signatures: list[Signature] = []
    usual = Fraction(metre)
    for number, (before, downbeat) in enumerate(pairwise([Fraction(0), *downbeats])):
        for length in _split(downbeat - before, usual, short_first=number == 0):
            _add(signatures, before, length)
            before += length
    _add(signatures, downbeats[-1] if downbeats else Fraction(0), usual)
    return signatures


def _split(length: Fraction, metre: Fraction, *, short_first: bool) -> list[Fraction]:
    """Split the distance of two downbeats into bars."""
    if 0 < length <= (metre if short_first else LONGEST_BAR):
        return [length]
    rest = length % metre
    bars = [metre] * int(length // metre)
    if not rest:
        return bars
    return [rest, *bars] if short_first else [*bars, rest]


def _add(signatures: list[Signature], place: Fraction, length: Fraction) -> None:
    denominator = max(4, 4 * length.denominator)
    numerator = int(length * denominator / 4)
    last = signatures[-1] if signatures else None
    if last is None or (last.numerator, last.denominator) != (numerator, denominator):
        signatures.append(Signature(place, numerator, denominator))
