"""Melodies: repeated motifs, with chord tones on beats and rests between phrases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beattrack.rendering.composing.grid import Bar, Row
from beattrack.rendering.composing.harmony import Chord

_MAJOR = (0, 2, 4, 7, 9)
_MINOR = (0, 3, 5, 7, 10)

_Rhythm = list[tuple[int, int]]  # (first, end) in sixteenths


def play_melody(
    rng: np.random.Generator,
    bars: Sequence[Bar],
    *,
    centre: int = 72,
    density: float = 0.5,
    rest: float = 0.15,
) -> list[Row]:
    """Return the notes of a random melody.

    Args:
        rng: generator of random numbers.
        bars: bars to play in.
        centre: MIDI pitch around which it moves.
        density: from 0, long notes, to 1, continuous sixteenths.
        rest: probability that a bar is left out.
    """
    motifs: dict[tuple[str, int, tuple[int, ...]], _Rhythm] = {}
    rows: list[Row] = []
    pitch, scale = float(centre), _scale(bars[0].chords[0])
    for index, bar in enumerate(bars):
        if bar.first:
            scale = _scale(bar.chords[0])
        if rng.random() < rest:
            continue
        key = (bar.letter, index % 2, bar.divisions)
        if key not in motifs:
            motifs[key] = _rhythm(rng, bar, density)
        rhythm = motifs[key] if rng.random() < 0.75 else _rhythm(rng, bar, density)
        for slot, end in rhythm:
            strong = slot in bar.beat_slots()
            pitch = _next(rng, pitch, bar.chord_at(slot), scale, strong, centre)
            start, stop = bar.time(slot), bar.time(end)
            velocity = 92 + 8 * strong + rng.normal(0, 5)
            rows.append((start, start + 0.93 * (stop - start), pitch, float(velocity)))
    return rows


def _scale(chord: Chord) -> tuple[int, ...]:
    return tuple((chord.root + step) % 12 for step in (_MINOR if chord.minor else _MAJOR))


def _rhythm(rng: np.random.Generator, bar: Bar, density: float) -> _Rhythm:
    onsets = []
    for slot in range(bar.slots):
        if slot in bar.beat_slots():
            chance = 0.45 + 0.45 * density
        elif slot % 2 == 0:
            chance = 0.15 + 0.55 * density
        else:
            chance = 0.35 * max(0.0, density - 0.35)
        if rng.random() < chance:
            onsets.append(slot)
    if rng.random() < 0.3 and onsets:
        onsets = [slot for slot in onsets if slot < 0.7 * bar.slots] or onsets[:1]
    return list(zip(onsets, [*onsets[1:], bar.slots], strict=False))


def _next(
    rng: np.random.Generator, pitch: float, chord: Chord, scale: tuple[int, ...], strong: bool, centre: int
) -> float:
    """Return the next pitch: mostly a step, to a chord tone on beats, with a tendency to the centre."""
    wanted = pitch + rng.normal(0, 2.5) + 0.15 * (centre - pitch)
    allowed = {(chord.root + tone) % 12 for tone in chord.tones} if strong else set(scale)
    candidates = [p for p in range(centre - 14, centre + 15) if p % 12 in allowed]
    return float(min(candidates, key=lambda candidate: abs(candidate - wanted)))
