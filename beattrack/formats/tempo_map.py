"""Tempo maps: pieces of constant tempo that beats fall on.

A tempo map is continuous: each piece begins where the one before it ends, as in a MIDI file or a DAW, where a
rounding error would otherwise grow from beat to beat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

# Tools in which every tempo change is an object to edit get few of them; beats that a tracker places on whole
# frames of 10 ms then still make one tempo if the music has one.
FEW_CHANGES = 0.012
# In DAWs, the grid falls on the beats.
EXACT = 0.0005

_FIT_FROM = 8  # beats; fewer do not tell their tempo better than the first and the last of them

Quantise = Callable[[float], float]


@dataclass(frozen=True)
class TempoPiece:
    """Beats of one tempo.

    Attributes:
        place: where it begins, in beats.
        time: where it begins, in seconds.
        period: seconds per beat.
    """

    place: float
    time: float
    period: float

    @property
    def bpm(self) -> float:
        """Tempo in beats per minute."""
        return 60 / self.period

    def at(self, place: float) -> float:
        """Return the time of a place, in seconds."""
        return self.time + (place - self.place) * self.period


def tempo_map(
    times: Sequence[float],
    places: Sequence[float],
    *,
    tolerance: float,
    quantise: Quantise = float,
    fixed_start: bool = False,
    breaks: Collection[int] = (),
) -> list[TempoPiece]:
    """Compute the longest pieces of constant tempo that stay near the beats.

    Each piece takes in beats for as long as one tempo, from the end of the last piece, passes all of them.

    Args:
        times: seconds, strictly increasing, (n,).
        places: of the beats on the grid, in beats, strictly increasing, (n,).
        tolerance: largest distance from a beat in seconds.
        quantise: rounds a period to one that the file can state.
        fixed_start: whether the map begins at the first time exactly. Otherwise it may begin up to a
            tolerance off it, where the line through the first piece does.
        breaks: indices of beats at which a piece must begin.

    Returns:
        The pieces in order; none with fewer than two beats.
    """
    pieces: list[TempoPiece] = []
    first, start, last = 0, times[0] if times else 0.0, len(times) - 1
    while first < last:
        end, period = _longest(times, places, first, start, tolerance, quantise, breaks)
        piece = TempoPiece(places[first], start, period)
        if not fixed_start and not pieces and end - first + 1 >= _FIT_FROM:
            piece = _fitted(times, places, end, tolerance, quantise) or piece
        pieces.append(piece)
        start, first = piece.at(places[end]), end
    return pieces


def time_at(pieces: Sequence[TempoPiece], place: float) -> float:
    """Return the time of a place on a tempo map, in seconds; before the first piece its tempo holds."""
    piece = pieces[0]
    for later in pieces[1:]:
        if later.place > place:
            break
        piece = later
    return piece.at(place)


def _longest(
    times: Sequence[float],
    places: Sequence[float],
    first: int,
    start: float,
    tolerance: float,
    quantise: Quantise,
    breaks: Collection[int],
) -> tuple[int, float]:
    """Return the index of the last beat of the longest piece from `first`, and its period."""
    slowest, fastest = math.inf, 0.0
    end, period = first, 0.0
    for index in range(first + 1, len(times)):
        beats = places[index] - places[first]
        low, high = (times[index] - tolerance - start) / beats, (times[index] + tolerance - start) / beats
        fastest, slowest = max(fastest, low), min(slowest, high)
        if index > first + 1 and (fastest > slowest or fastest <= 0):
            break
        exact = (times[index] - start) / beats
        # Not above 0 if beats are closer than the tolerance.
        stated = quantise(min(max(exact, fastest), slowest) if exact > 0 else slowest)
        if index == first + 1 or fastest <= stated <= slowest:
            end, period = index, stated
        if index in breaks:
            break  # if no stated tempo reaches it, the next piece is short and ends here
    return end, period


def _fitted(
    times: Sequence[float], places: Sequence[float], end: int, tolerance: float, quantise: Quantise
) -> TempoPiece | None:
    """Return the least-squares line through the first piece, or None if it does not pass all beats."""
    count = end + 1
    mean_place, mean_time = math.fsum(places[:count]) / count, math.fsum(times[:count]) / count
    spread = math.fsum((place - mean_place) ** 2 for place in places[:count])
    common = ((p - mean_place) * (t - mean_time) for p, t in zip(places[:count], times[:count], strict=True))
    period = quantise(math.fsum(common) / spread)
    piece = TempoPiece(places[0], mean_time + (places[0] - mean_place) * period, period)
    beats = zip(places[:count], times[:count], strict=True)
    near = all(abs(piece.at(place) - time) <= tolerance for place, time in beats)
    return piece if near and piece.time >= 0 else None
