"""Evidence for the beats and downbeats of a piece in its notes, used to reject doubtful annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.piece import ONSET, PITCH, Floats, Integers, Part, Piece

_KICKS = (35, 36)
_SNARES = (37, 38, 39, 40)
_CRASHES = (49, 52, 55, 57)
_BASS_BELOW = 50


def rates(piece: Piece, onsets: Floats, *, tolerance: float = 0.1) -> Floats:
    """Compute the share of beats at each position in the bar that have an onset.

    Args:
        piece: piece with the beats.
        onsets: onset times in seconds, shape (onsets,).
        tolerance: largest distance from a beat, in median beat intervals.

    Returns:
        Shares of shape (beats in the longest bar,).
    """
    window = tolerance * 60.0 / piece.bpm
    ordered = np.sort(onsets)
    first = np.searchsorted(ordered, piece.beats - window)
    hit = np.searchsorted(ordered, piece.beats + window) > first
    longest = int(piece.positions.max())
    counts = np.bincount(piece.positions, minlength=longest + 1)[1:]
    shares: Floats = np.bincount(piece.positions, hit, longest + 1)[1:] / np.maximum(counts, 1)
    return shares


def on_beat_share(piece: Piece) -> float:
    """Compute the share of onsets on beats, of those on beats or half-way between; 0.5 if there are none."""
    onsets = np.concatenate([np.empty(0), *(part.notes[:, ONSET] for part in piece.parts)])
    index = np.searchsorted(piece.beats, onsets + 0.15 * 60.0 / piece.bpm, side="right") - 1
    inside = (index >= 0) & (index < len(piece.beats) - 1)
    index, onsets = index[inside], onsets[inside]
    phase = (onsets - piece.beats[index]) / np.diff(piece.beats)[index]
    on, off = np.count_nonzero(np.abs(phase) < 0.1), np.count_nonzero(np.abs(phase - 0.5) < 0.1)
    return on / (on + off) if on + off else 0.5


def kicks(parts: Sequence[Part]) -> Floats:
    """Return the onsets of the bass drum in seconds, (strokes,)."""
    return _drums(parts, _KICKS)


def snares(parts: Sequence[Part]) -> Floats:
    """Return the onsets of snare drum, rim and clap in seconds, (strokes,)."""
    return _drums(parts, _SNARES)


def crashes(parts: Sequence[Part]) -> Floats:
    """Return the onsets of crash cymbals in seconds, (strokes,)."""
    return _drums(parts, _CRASHES)


def low_notes(parts: Sequence[Part]) -> Floats:
    """Return the onsets of pitched notes below D3 in seconds, (notes,)."""
    return _onsets(
        parts, lambda part, pitches: np.full(len(pitches), not part.drums) & (pitches < _BASS_BELOW)
    )


def _drums(parts: Sequence[Part], wanted: Sequence[int]) -> Floats:
    return _onsets(parts, lambda part, pitches: np.full(len(pitches), part.drums) & np.isin(pitches, wanted))


def _onsets(parts: Sequence[Part], chosen: Callable[[Part, Floats], NDArray[np.bool_]]) -> Floats:
    onsets: Floats = np.concatenate(
        [np.empty(0), *(part.notes[chosen(part, part.notes[:, PITCH]), ONSET] for part in parts)]
    )
    return onsets


def leads(shares: Floats, *, share: float = 0.7) -> bool:
    """Return whether the share of the first position is at least `share` times that of any other."""
    return bool(shares[0] > 0 and shares[0] >= share * shares.max())


def every_second(positions: Integers) -> Integers:
    """Return the indices of beats 1, 3, ... of bars, which are the beats at half the tempo."""
    return np.flatnonzero(positions % 2 == 1)
