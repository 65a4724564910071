"""Music with little more than a pulse: metronomes, sparse drums, drum loops of one bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beattrack.rendering.composing.drum_patterns import (
    CLAVES,
    CLOSED_HAT,
    COWBELL,
    CRASH,
    FOUR,
    KICK,
    RIM,
    SNARE,
    THREE,
    Kit,
)
from beattrack.rendering.piece import Floats, Integers, Part, notes_array

SLOWEST_CLICK, FASTEST_CLICK = 35.0, 240.0  # BPM, the range of metronomes
CLICK, BELL = 33, 34  # metronome in the percussion map of GS and General MIDI 2
WOOD_HIGH, WOOD_LOW, STICKS = 76, 77, 31

# Drums of a metronome: accented beat, beat, subdivision.
_METRONOMES = (
    (BELL, CLICK, CLICK),
    (BELL, CLICK, CLICK),
    (WOOD_HIGH, WOOD_LOW, WOOD_LOW),
    (COWBELL, COWBELL, CLOSED_HAT),
    (RIM, RIM, CLOSED_HAT),
    (CLAVES, WOOD_LOW, CLOSED_HAT),
    (COWBELL, STICKS, STICKS),
    (SNARE, RIM, CLOSED_HAT),
)
_ACCENTED_EVERY = {2: 0.2, 3: 0.25, 4: 0.38, 5: 0.04, 6: 0.1, 7: 0.03}
_SUBDIVISIONS = {1: 0.5, 2: 0.27, 3: 0.13, 4: 0.1}
_FASTEST_SUBDIVISION = 560.0  # strokes per minute
_VELOCITY = {"X": 115.0, "x": 95.0, "o": 55.0, "?": 65.0}
_HIT = 0.15  # seconds

_LOOPS_IN_FOUR = (
    "rock",
    "slow rock",
    "pop",
    "disco",
    "hiphop",
    "trap",
    "funk",
    "soul",
    "electro",
    "reggae",
    "latin",
    "country",
    "shuffle",
    "bossa",
)
_LOOPS_IN_THREE = ("waltz", "rock waltz", "jazz waltz")

# One character per beat for kick, snare and hi-hat.
_SPARSE: dict[int, tuple[tuple[str, str, str], ...]] = {
    4: (
        ("x...", "..x.", ""),
        ("x...", ".x.x", ""),
        ("x.x.", ".x.x", ""),
        ("x...", "....", "xxxx"),
        ("x...", "..x.", "xxxx"),
        ("xx..", "..x.", ""),
        ("x..x", "..x.", ".x.x"),
        ("x.xx", ".x..", ""),
    ),
    3: (("x..", ".xx", ""), ("x..", "..x", ""), ("x..", "...", "xxx"), ("x..", "..x", "xxx")),
}


@dataclass(frozen=True, eq=False)
class Pulse:
    """A drum part with its beats.

    Attributes:
        part: the drums.
        beats: beat times in seconds, shape (beats,).
        positions: positions in the bar from 1, shape (beats,).
        metre: metre as written.
        bars_known: whether the starts of bars can be heard.
    """

    part: Part
    beats: Floats
    positions: Integers
    metre: str
    bars_known: bool


def draw_click_bpm(rng: np.random.Generator) -> float:
    """Return a random tempo for clicks, uniform in octaves from 35 to 240 BPM."""
    return float(np.exp(rng.uniform(np.log(SLOWEST_CLICK), np.log(FASTEST_CLICK))))


def metronome(rng: np.random.Generator, bpm: float, seconds: float, *, accented: bool) -> Pulse:
    """Return a random metronome, possibly with subdivisions.

    Accents are louder, have another sound, or both. Subdivisions are always softer than beats.

    Args:
        rng: generator of random numbers.
        bpm: tempo.
        seconds: approximate duration.
        accented: whether downbeats are accented; without accents, bars are not known.
    """
    accent, click, small = _METRONOMES[int(rng.integers(len(_METRONOMES)))]
    every = _drawn(rng, _ACCENTED_EVERY) if accented else 4
    parts = _drawn(rng, _SUBDIVISIONS)
    parts = parts if bpm * parts <= _FASTEST_SUBDIVISION else 1
    louder = accent == click or rng.random() < 0.6
    soft, loud = float(rng.uniform(70, 95)), 120.0
    beat = 60.0 / bpm
    beats = beat * np.arange(max(24, round(seconds / beat)), dtype=np.float64)
    positions = np.arange(len(beats), dtype=np.int64) % every + 1
    rows = []
    for time, position in zip(beats.tolist(), positions.tolist(), strict=True):
        strong = accented and position == 1
        medium = accented and every in (4, 6) and position == every // 2 + 1 and louder
        velocity = loud if strong and louder else soft + (12 if medium else 0)
        rows.append((time, time + _HIT, float(accent if strong else click), velocity))
        rows += [
            (time + beat * k / parts, time + beat * k / parts + 0.05, float(small), 0.55 * soft)
            for k in range(1, parts)
        ]
    return _pulse("metronome", rows, beats, positions, bars_known=accented)


def drum_loop(rng: np.random.Generator, bpm: float, seconds: float) -> Pulse:
    """Return a random bar of drums, repeated exactly; if its halves are equal, bars are not known.

    Args:
        rng: generator of random numbers.
        bpm: tempo.
        seconds: approximate duration.
    """
    in_three = rng.random() < 0.12
    name = str(rng.choice(_LOOPS_IN_THREE if in_three else _LOOPS_IN_FOUR))
    kit = (THREE if in_three else FOUR)[name]
    swing = float(rng.uniform(0.6, 0.67)) if name in ("shuffle", "jazz waltz") else 0.5
    lines = [(drum, _decided(rng, pattern)) for drum, pattern in _lines(rng, kit)]
    count = 3 if in_three else 4
    beat = 60.0 / bpm
    bar = [
        (beat * _swung(slot / 4, swing), float(drum), _VELOCITY[stroke])
        for drum, pattern in lines
        for slot, stroke in enumerate(pattern)
        if stroke != "."
    ]
    bars = max(8, round(seconds / (count * beat)))
    rows = [
        (start + time, start + time + _HIT, drum, velocity)
        for start in (count * beat * np.arange(bars)).tolist()
        for time, drum, velocity in bar
    ]
    beats = beat * np.arange(bars * count, dtype=np.float64)
    positions = np.arange(len(beats), dtype=np.int64) % count + 1
    return _pulse("loop", rows, beats, positions, bars_known=not _halves_alike(lines))


def sparse_drums(rng: np.random.Generator, bpm: float, seconds: float) -> Pulse:
    """Return random drums with few strokes per bar, possibly with accents every four or eight bars.

    Args:
        rng: generator of random numbers.
        bpm: tempo.
        seconds: approximate duration.
    """
    count = 3 if rng.random() < 0.25 else 4
    lines = list(
        zip((KICK, SNARE, CLOSED_HAT), _SPARSE[count][int(rng.integers(len(_SPARSE[count])))], strict=True)
    )
    if rng.random() < 0.3:
        lines[1] = (RIM, lines[1][1])
    phrase = int(rng.choice([0, 4, 8]))
    beat = 60.0 / bpm
    bars = max(8, round(seconds / (count * beat)))
    rows: list[tuple[float, float, float]] = []
    for bar in range(bars):
        start = bar * count
        rows += [
            (start + place, float(drum), 110.0 if place == 0 else 92.0)
            for drum, pattern in lines
            for place, stroke in enumerate(pattern)
            if stroke == "x"
        ]
        if phrase and bar % phrase == 0:
            rows.append((start, float(CRASH), 90.0))
        if phrase and bar % phrase == phrase - 1:
            rows.append((start + count - 0.5, float(KICK), 85.0))
    notes = [(beat * place, beat * place + _HIT, drum, velocity) for place, drum, velocity in rows]
    beats = beat * np.arange(bars * count, dtype=np.float64)
    positions = np.arange(len(beats), dtype=np.int64) % count + 1
    return _pulse("drums", notes, beats, positions, bars_known=bool(phrase) or not _halves_alike(lines))


def _pulse(
    name: str,
    rows: list[tuple[float, float, float, float]],
    beats: Floats,
    positions: Integers,
    *,
    bars_known: bool,
) -> Pulse:
    part = Part(name=name, program=0, drums=True, notes=notes_array(rows))
    return Pulse(part, beats, positions, f"{int(positions.max())}/4", bars_known)


def _drawn(rng: np.random.Generator, weights: dict[int, float]) -> int:
    shares = np.array(list(weights.values()))
    return int(rng.choice(list(weights), p=shares / shares.sum()))


def _lines(rng: np.random.Generator, kit: Kit) -> list[tuple[int, str]]:
    """Return a kick, a snare and a hi-hat pattern of a kit, and possibly an extra one."""
    lines = [
        (KICK, kit.kicks[int(rng.integers(len(kit.kicks)))]),
        kit.snares[int(rng.integers(len(kit.snares)))],
        kit.hats[int(rng.integers(len(kit.hats)))],
    ]
    if kit.extras and rng.random() < 0.3:
        lines.append(kit.extras[int(rng.integers(len(kit.extras)))])
    return lines


def _decided(rng: np.random.Generator, pattern: str) -> str:
    """Return a pattern in which each optional stroke is either always or never played."""
    return "".join("." if stroke == "?" and rng.random() < 0.5 else stroke for stroke in pattern)


def _swung(beats: float, swing: float) -> float:
    """Return a time in beats after swing, which moves off-beat eighths to `swing` of the beat."""
    whole, inner = divmod(beats, 1.0)
    late = inner * 2 * swing if inner < 0.5 else swing + (inner - 0.5) * 2 * (1 - swing)
    return whole + late


def _halves_alike(lines: list[tuple[int, str]]) -> bool:
    """Return whether bars sound the same if shifted by half a bar; never for bars of three beats."""
    patterns = [pattern for _, pattern in lines if pattern]
    in_three = any(len(pattern) % 3 == 0 for pattern in patterns)
    halves = [(pattern[: len(pattern) // 2], pattern[len(pattern) // 2 :]) for pattern in patterns]
    return not in_three and all(first == second for first, second in halves)
