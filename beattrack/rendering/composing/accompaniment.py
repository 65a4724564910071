"""Bass lines and chords on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from beattrack.rendering.composing.grid import Bar, Row
from beattrack.rendering.composing.harmony import Chord
from beattrack.rendering.piece import Floats

BassKind = Literal[
    "eighths", "quarters", "long", "kick", "fifths", "walking", "offbeat", "octaves", "riff", "tumbao"
]
CompKind = Literal[
    "pad",
    "quarters",
    "halves",
    "eighths",
    "sixteenths",
    "skank",
    "bubble",
    "oompah",
    "arpeggio",
    "alberti",
    "rolling",
    "charleston",
    "motif",
    "stabs",
]

_LOWEST_BASS = 28  # E1


def play_bass(
    rng: np.random.Generator, bars: Sequence[Bar], kind: BassKind, *, kicks: Floats | None = None
) -> list[Row]:
    """Return the notes of a bass line.

    Args:
        rng: generator of random numbers.
        bars: bars to play in.
        kind: kind of bass line.
        kicks: onsets of the bass drum in beats, which the kind "kick" follows; without them it plays a riff.
    """
    octave = 12 * int(rng.random() < 0.3)
    riffs: dict[tuple[str, int], list[tuple[int, int]]] = {}
    rows: list[Row] = []
    for index, bar in enumerate(bars):
        following = bars[index + 1].chords[0] if index + 1 < len(bars) else bar.chords[0]
        onsets = _bass_onsets(rng, bar, kind, following, riffs, kicks)
        ends = [slot for slot, _ in onsets[1:]] + [bar.slots]
        length = 0.55 if kind in ("offbeat", "octaves") else float(rng.uniform(0.75, 0.97))
        for (slot, pitch), end in zip(onsets, ends, strict=True):
            start, stop = bar.time(slot), bar.time(end)
            velocity = 88 + 10 * (slot == 0) + rng.normal(0, 4)
            rows.append((start, start + length * (stop - start), float(pitch + octave), float(velocity)))
    return rows


def offbeat(size: int) -> int:
    """Return the sixteenth of the off-beat in a beat of `size` sixteenths: at a half, or at two thirds."""
    return 4 if size == 6 else size // 2


def _low(chord: Chord, interval: int = 0) -> int:
    """Return the root in the octave above E1, plus an interval."""
    return _LOWEST_BASS + (chord.root - _LOWEST_BASS) % 12 + interval


def _fifth(chord: Chord) -> int:
    return chord.tones[2] if len(chord.tones) > 2 else 7


def _bass_onsets(
    rng: np.random.Generator,
    bar: Bar,
    kind: BassKind,
    following: Chord,
    riffs: dict[tuple[str, int], list[tuple[int, int]]],
    kicks: Floats | None,
) -> list[tuple[int, int]]:
    """Return the onsets of one bar as pairs of sixteenth and pitch."""
    if kind == "kick" and kicks is not None:
        return _on_kicks(rng, bar, kicks)
    if kind in ("riff", "kick"):
        key = (bar.letter, bar.slots)
        if key not in riffs:
            riffs[key] = _riff(rng, bar)
        return [(slot, _low(bar.chord_at(slot), interval)) for slot, interval in riffs[key]]
    if kind == "walking":
        return _walking(rng, bar, following)
    if kind == "tumbao" and bar.divisions == (4, 4, 4, 4):
        chord = bar.chords[-1]
        opening = [(0, _low(bar.chords[0]))] if bar.first or rng.random() < 0.3 else []
        return [*opening, (6, _low(chord, _fifth(chord))), (12, _low(following))]
    return [(slot, _low(bar.chord_at(slot), interval)) for slot, interval in _simple(rng, bar, kind)]


def _simple(rng: np.random.Generator, bar: Bar, kind: BassKind) -> list[tuple[int, int]]:
    """Return sixteenth and interval above the root for kinds that repeat root, fifth or octave."""
    beats = bar.beat_slots()
    if kind == "long":
        return [(slot, 0) for slot in _chord_slots(bar)]
    if kind == "fifths":
        chord = bar.chords[0]
        return [
            (slot, 0 if index % 2 == 0 or len(bar.chords) > 1 else _fifth(chord) - 12 * (rng.random() < 0.5))
            for index, slot in enumerate(_half_bar_slots(bar))
        ]
    if kind == "quarters":
        return [(slot, 0 if rng.random() < 0.85 else 12) for slot in beats]
    if kind == "offbeat":
        return [(slot + offbeat(size), 0) for slot, size in zip(beats, bar.divisions, strict=True)]
    if kind == "octaves":
        return [(slot, 12 * (slot // 2 % 2)) for slot in range(0, bar.slots, 2)]
    return [(slot, 0 if rng.random() < 0.93 or slot == 0 else 7) for slot in range(0, bar.slots, 2)]


def _chord_slots(bar: Bar) -> list[int]:
    if len(bar.chords) == 1:
        return [0]
    second = next((slot for slot in bar.beat_slots() if bar.chord_at(slot) is bar.chords[1]), 0)
    return [0, second] if second else [0]


def _half_bar_slots(bar: Bar) -> list[int]:
    beats = bar.beat_slots()
    return (
        [beats[index] for index in range(0, len(beats), 2)] if len(beats) > 3 else [0, *_chord_slots(bar)[1:]]
    )


def _on_kicks(rng: np.random.Generator, bar: Bar, kicks: Floats) -> list[tuple[int, int]]:
    times = np.array([bar.time(slot) for slot in range(bar.slots)])
    inside = kicks[(kicks > times[0] - 0.1) & (kicks < times[-1] + 0.1)]
    slots = sorted({int(np.abs(times - kick).argmin()) for kick in inside} | {0})
    return [
        (slot, _low(bar.chord_at(slot), 0 if slot == 0 else int(rng.choice([0, 0, 0, 7, 12]))))
        for slot in slots
    ]


def _riff(rng: np.random.Generator, bar: Bar) -> list[tuple[int, int]]:
    """Return a random rhythm of eighths and sixteenths with intervals above the root."""
    busy = float(rng.uniform(0.25, 0.7))
    slots = [0]
    for slot in range(1, bar.slots):
        chance = busy if slot in bar.beat_slots() else busy * 0.9 if slot % 2 == 0 else busy * 0.25
        if rng.random() < chance:
            slots.append(slot)
    return [(slot, 0 if slot == 0 else int(rng.choice([0, 0, 0, 7, 7, 12, 10, 5]))) for slot in slots]


def _walking(rng: np.random.Generator, bar: Bar, following: Chord) -> list[tuple[int, int]]:
    """Return a note on every beat: chord tones, and on the last beat a step to the next root."""
    beats = bar.beat_slots()
    onsets = []
    for index, slot in enumerate(beats):
        chord = bar.chord_at(slot)
        if index == 0 or slot in _chord_slots(bar):
            pitch = _low(chord)
        elif index == len(beats) - 1:
            pitch = _low(following) + int(rng.choice([-1, 1, 2, -2]))
        else:
            pitch = _low(chord, int(rng.choice(chord.tones[1:])))
        onsets.append((slot, pitch))
        if rng.random() < 0.08 and index + 1 < len(beats):
            onsets.append((slot + offbeat(bar.divisions[index]), pitch))
    return onsets


@dataclass(frozen=True)
class _Figure:
    """Strokes of a chord part: sixteenth, duration in sixteenths, loudness, tone of the chord (None: all)."""

    strokes: tuple[tuple[float, float, float, int | None], ...]


def play_chords(
    rng: np.random.Generator, bars: Sequence[Bar], kind: CompKind, *, centre: int = 60, strum: float = 0.0
) -> list[Row]:
    """Return the notes of a chord part.

    Args:
        rng: generator of random numbers.
        bars: bars to play in.
        kind: kind of accompaniment.
        centre: MIDI pitch around which the chords are voiced.
        strum: delay between the tones of a chord in beats.
    """
    figures: dict[tuple[str, tuple[int, ...]], _Figure] = {}
    rows: list[Row] = []
    for bar in bars:
        key = (bar.letter, bar.divisions)
        if key not in figures:
            figures[key] = _figure(rng, bar, kind)
        figure = _figure(rng, bar, kind) if kind == "stabs" and rng.random() < 0.3 else figures[key]
        for slot, length, loudness, tone in figure.strokes:
            if slot >= bar.slots:
                continue
            chord = bar.chord_at(slot)
            pitches = voicing(chord, centre)
            chosen = pitches if tone is None else [pitches[tone % len(pitches)] + 12 * (tone // len(pitches))]
            start, stop = bar.time(slot), bar.time(min(slot + length, bar.slots))
            velocity = float(78 * loudness + rng.normal(0, 4))
            rows += [(start + i * strum, stop, float(pitch), velocity) for i, pitch in enumerate(chosen)]
    return rows


def voicing(chord: Chord, centre: int) -> list[int]:
    """Return the three or four pitches of a chord in the octave around `centre`, in ascending order."""
    tones = chord.tones if len(chord.tones) < 5 else chord.tones[1:]
    low = centre - 6
    return sorted(low + (chord.root + tone - low) % 12 for tone in tones)


def _figure(rng: np.random.Generator, bar: Bar, kind: CompKind) -> _Figure:
    beats, sizes = bar.beat_slots(), bar.divisions
    pairs = list(zip(beats, sizes, strict=True))
    short = float(rng.choice([0.5, 0.8, 1.0]))
    strokes: list[tuple[float, float, float, int | None]]
    if kind == "pad":
        starts = _chord_slots(bar)
        strokes = [(s, e - s, 0.8, None) for s, e in zip(starts, [*starts[1:], bar.slots], strict=True)]
    elif kind == "quarters":
        strokes = [(slot, size * short, 1.1 if slot == 0 else 0.95, None) for slot, size in pairs]
    elif kind == "halves":
        starts = _half_bar_slots(bar)
        strokes = [
            (s, (e - s) * 0.95, 1.0, None) for s, e in zip(starts, [*starts[1:], bar.slots], strict=True)
        ]
    elif kind in ("eighths", "sixteenths"):
        strokes = _strummed(rng, bar, 2 if kind == "eighths" else 1, short)
    elif kind == "skank":
        strokes = [(slot + offbeat(size), max(1.0, size * 0.3), 1.05, None) for slot, size in pairs]
    elif kind == "bubble":
        strokes = [
            (slot + offbeat(size) + d, 0.8, 1.0 - 0.2 * d, None) for slot, size in pairs for d in (0, 1)
        ]
        strokes += [(slot + 1, 0.8, 0.6, 0) for slot, _ in pairs]
    elif kind == "oompah":
        strokes = [(slot, size * 0.5, 0.95, None) for slot, size in _weak_beats(pairs)]
    elif kind in ("arpeggio", "rolling", "alberti"):
        strokes = _broken(rng, bar, kind)
    else:
        strokes = _syncopated(rng, bar, kind, short)
    return _Figure(tuple(sorted(strokes, key=lambda stroke: stroke[0])))


def _weak_beats(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return beats 2 and 4 of four, 2 and 3 of three, or the off-beats of two, with their durations."""
    if len(pairs) == 2:
        return [(slot + offbeat(size), size - offbeat(size)) for slot, size in pairs]
    return pairs[1:] if len(pairs) == 3 else pairs[1::2]


def _strummed(
    rng: np.random.Generator, bar: Bar, step: int, short: float
) -> list[tuple[float, float, float, int | None]]:
    """Return steady strokes with random accents, some of them left out."""
    accent = str(rng.choice(["beat", "backbeat", "offbeat", "flat"]))
    kept = float(rng.choice([1.0, 1.0, 0.85, 0.7]))
    beats = bar.beat_slots()
    strokes: list[tuple[float, float, float, int | None]] = []
    for slot in range(0, bar.slots, step):
        on_beat = slot in beats
        if slot and rng.random() > kept:
            continue
        strong = {
            "beat": on_beat,
            "backbeat": on_beat and beats.index(slot) % 2 == 1,
            "offbeat": not on_beat and slot % 2 == 0,
            "flat": True,
        }[accent]
        strokes.append((slot, step * short, 1.1 if strong else 0.75, None))
    return strokes


def _broken(
    rng: np.random.Generator, bar: Bar, kind: CompKind
) -> list[tuple[float, float, float, int | None]]:
    """Return the tones of a chord one after another, in eighths, or in sixteenths for "rolling"."""
    step = 1 if kind == "rolling" else 2
    order = {
        "alberti": (0, 2, 1, 2),
        "arpeggio": tuple(int(t) for t in rng.permutation([0, 1, 2, 3])),
        "rolling": ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (3, 2, 1, 0))[int(rng.integers(3))],
    }[kind]
    sustain = float(rng.choice([1.0, 2.0, 3.0]))
    return [
        (slot, step * sustain, 1.05 if slot in bar.beat_slots() else 0.85, order[index % len(order)])
        for index, slot in enumerate(range(0, bar.slots, step))
    ]


def _syncopated(
    rng: np.random.Generator, bar: Bar, kind: CompKind, short: float
) -> list[tuple[float, float, float, int | None]]:
    if kind == "charleston":
        slots = [0, bar.divisions[0] + offbeat(bar.divisions[0])]
        slots = [slot + (2 if rng.random() < 0.15 else 0) for slot in slots]
    elif kind == "stabs":
        slots = sorted({int(slot) for slot in rng.integers(0, bar.slots, int(rng.integers(1, 4)))})
    else:
        slots = [0] if rng.random() < 0.7 else []
        for slot in range(1, bar.slots):
            chance = 0.35 if slot in bar.beat_slots() else 0.4 if slot % 2 == 0 else 0.12
            if rng.random() < chance:
                slots.append(slot)
    ends = [*slots[1:], bar.slots]
    return [(s, max(0.8, (e - s) * short), 1.0, None) for s, e in zip(slots, ends, strict=False)]
