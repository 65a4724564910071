"""Drum parts from patterns, with variants per section, fills, crashes, ghost notes and hi-hat rolls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beattrack.rendering.composing.drum_patterns import (
    CLOSED_HAT,
    COMPOUND,
    CRASH,
    FOUR,
    KICK,
    SNARE,
    THREE,
    TOMS,
    Kit,
)
from beattrack.rendering.composing.grid import Bar, Row

_VELOCITIES = {"X": 112, "x": 92, "o": 52, "?": 62}
_SOMETIMES = 0.35  # how often a "?" is played


@dataclass(frozen=True)
class Kits:
    """Names of a style's patterns in `drum_patterns`, by kind of metre; "" for no drums in that metre."""

    four: str = ""
    three: str = ""
    compound: str = ""


@dataclass(frozen=True)
class _Beat:
    """Patterns of the bars of a section: pairs of drum and pattern, each as long as a bar."""

    lines: tuple[tuple[int, str], ...]
    rolls: float  # probability of a roll on a stroke of the hats
    thin: float  # probability that a stroke of the hats is left out


@dataclass(frozen=True)
class _Shape:
    """The patterns that make up a bar, in order: table, first sixteenth, end."""

    pieces: tuple[tuple[str, int, int], ...]


_SHAPES: dict[tuple[int, ...], _Shape] = {
    (4, 4): _Shape((("four", 0, 8),)),
    (4, 4, 4): _Shape((("three", 0, 12),)),
    (4, 4, 4, 4): _Shape((("four", 0, 16),)),
    (8, 8): _Shape((("four", 0, 16),)),
    (4, 4, 4, 4, 4): _Shape((("three", 0, 12), ("four", 0, 8))),
    (4,) * 6: _Shape((("three", 0, 12), ("three", 0, 12))),
    (4,) * 7: _Shape((("four", 0, 16), ("three", 0, 12))),
    (4, 4, 6): _Shape((("four", 0, 14),)),
    (4, 6): _Shape((("four", 0, 10),)),
    (6, 6): _Shape((("compound", 0, 12),)),
    (6, 6, 6): _Shape((("compound", 0, 12), ("compound", 6, 12))),
    (6, 6, 6, 6): _Shape((("compound", 0, 12), ("compound", 0, 12))),
}


def can_drum(kits: Kits, divisions: tuple[int, ...]) -> bool:
    """Return whether the kits have patterns for bars of these beats, given in sixteenths."""
    shape = _SHAPES.get(divisions)
    return shape is not None and all(getattr(kits, table) for table, _, _ in shape.pieces)


def play_drums(rng: np.random.Generator, bars: Sequence[Bar], kits: Kits, *, fills: float = 0.6) -> list[Row]:
    """Return the notes of a drum part.

    Args:
        rng: generator of random numbers.
        bars: bars to play in, all of a kind for which `can_drum` is true.
        kits: patterns to use.
        fills: probability of a fill at the end of a section; it is a quarter of that after four bars within a
            section.
    """
    beats: dict[tuple[str, tuple[int, ...]], _Beat] = {}
    rows: list[Row] = []
    crash = rng.random() < 0.5
    loudness = {section: float(rng.uniform(0.8, 1.1)) for section in sorted({bar.section for bar in bars})}
    since = 0
    for bar in bars:
        key = (bar.letter, bar.divisions)
        if key not in beats:
            beats[key] = _choose(rng, kits, bar.divisions)
        since = 0 if bar.first else since + 1
        fill = bar.last or since % 4 == 3
        filled = fill and rng.random() < (fills if bar.last else fills / 4)
        rows += _bar_rows(rng, bar, beats[key], loudness[bar.section], filled, crash)
        crash = filled and rng.random() < 0.8
    return rows


def _choose(rng: np.random.Generator, kits: Kits, divisions: tuple[int, ...]) -> _Beat:
    """Choose patterns for bars of these beats."""
    chosen: dict[str, _Choice] = {}
    for table, _, _ in _SHAPES[divisions].pieces:
        if table not in chosen:
            chosen[table] = _choice(rng, _kit(kits, table))
    lines: dict[tuple[int, int], str] = {}
    offset = 0
    for table, start, stop in _SHAPES[divisions].pieces:
        for index, (drum, pattern) in enumerate(chosen[table].lines):
            before = lines.get((index, drum), "").ljust(offset, ".")
            lines[index, drum] = before + pattern[start:stop]
        offset += stop - start
    style = chosen[_SHAPES[divisions].pieces[0][0]]
    trap = kits.four == "trap"
    return _Beat(
        lines=tuple((drum, pattern.ljust(offset, ".")) for (_, drum), pattern in lines.items()),
        rolls=0.08 if trap else style.rolls,
        thin=style.thin,
    )


@dataclass(frozen=True)
class _Choice:
    lines: tuple[tuple[int, str], ...]
    rolls: float
    thin: float


def _kit(kits: Kits, table: str) -> Kit:
    return {"four": FOUR, "three": THREE, "compound": COMPOUND}[table][getattr(kits, table)]


def _choice(rng: np.random.Generator, kit: Kit) -> _Choice:
    kick = kit.kicks[int(rng.integers(len(kit.kicks)))]
    lines = [(KICK, kick), _pick(rng, kit.snares), _pick(rng, kit.hats)]
    lines += [extra for extra in kit.extras if rng.random() < 0.3]
    return _Choice(
        tuple(lines), 0.02 if rng.random() < 0.2 else 0.0, float(rng.choice([0.0, 0.0, 0.05, 0.15]))
    )


def _pick(rng: np.random.Generator, choices: Sequence[tuple[int, str]]) -> tuple[int, str]:
    return choices[int(rng.integers(len(choices)))]


def _bar_rows(
    rng: np.random.Generator, bar: Bar, beat: _Beat, loudness: float, filled: bool, crash: bool
) -> list[Row]:
    stop = bar.slots - (int(rng.choice([2, 4, 4, 8, 8, 12])) if filled else 0)
    stop = max(stop, 0)
    rows = []
    for drum, pattern in beat.lines:
        for slot, stroke in enumerate(pattern[: bar.slots]):
            if (
                stroke == "."
                or (slot >= stop and drum != KICK)
                or (stroke == "?" and rng.random() > _SOMETIMES)
            ):
                continue
            hat = drum == CLOSED_HAT
            if (hat and rng.random() < beat.thin) or (slot == 0 and crash and drum in (CLOSED_HAT, CRASH)):
                continue
            velocity = loudness * (_VELOCITIES[stroke] + rng.normal(0, 4))
            rows.append(_stroke(bar, slot, drum, velocity))
            if hat and rng.random() < beat.rolls:
                parts = int(rng.choice([2, 3]))
                rows += [_stroke(bar, slot + k / parts, drum, velocity * 0.75) for k in range(1, parts)]
    if crash:
        rows.append(_stroke(bar, 0, CRASH, loudness * rng.uniform(85, 112)))
    if stop < bar.slots:
        rows += _fill(rng, bar, stop, loudness)
    return rows


def _fill(rng: np.random.Generator, bar: Bar, start: int, loudness: float) -> list[Row]:
    kind = str(rng.choice(["snare", "toms", "toms", "sparse", "silence"]))
    if kind == "silence":
        return []
    step = int(rng.choice([1, 1, 2])) if kind != "sparse" else 2
    slots = range(start, bar.slots, step)
    rows = []
    for index, slot in enumerate(slots):
        if kind == "sparse" and rng.random() < 0.4:
            continue
        place = index / max(1, len(slots))
        drum = SNARE if kind == "snare" or rng.random() < 0.25 else TOMS[int(place * len(TOMS))]
        rows.append(_stroke(bar, slot, drum, loudness * (75 + 30 * place + rng.normal(0, 6))))
    return rows


def _stroke(bar: Bar, slot: float, drum: int, velocity: float) -> Row:
    start = bar.time(slot)
    return (start, start + 0.2, float(drum), float(np.clip(velocity, 5, 127)))
