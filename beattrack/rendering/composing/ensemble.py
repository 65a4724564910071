"""Drums, bass, chords and lead in a style, alone or added to other music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beattrack.rendering.composing.accompaniment import play_bass, play_chords
from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.drum_patterns import KICK
from beattrack.rendering.composing.drummer import can_drum, play_drums
from beattrack.rendering.composing.grid import Bar, Grid, Row
from beattrack.rendering.composing.melody import play_melody
from beattrack.rendering.piece import Floats, Part


@dataclass(frozen=True, kw_only=True)
class Backing:
    """Probabilities that drums, bass, chords and a lead are added to a piece."""

    drums: float
    bass: float
    chords: float
    lead: float


_STRUMMED = range(24, 32)  # guitars


def accompany(
    rng: np.random.Generator, grid: Grid, style: BandStyle, *, kicks: Floats | None = None, lead: bool = True
) -> tuple[Part, ...]:
    """Return a bass, one or two chord parts and, often, a lead; parts rest in some sections.

    Args:
        rng: generator of random numbers.
        grid: bars and beats.
        style: style of the parts.
        kicks: onsets of the bass drum in beats, which the bass may follow.
        lead: whether there may be a lead.
    """
    parts = [_bass(rng, grid, style, kicks)]
    count = 2 if rng.random() < 0.55 else 1
    parts += [_chords(rng, grid, style, number) for number in range(count)]
    if lead and rng.random() < style.lead:
        parts.append(lead_part(rng, grid, style.leads))
    return tuple(part for part in parts if len(part.notes))


def back(rng: np.random.Generator, grid: Grid, style: BandStyle, backing: Backing) -> tuple[Part, ...]:
    """Return random parts to add to a piece; the bass may follow the added drums.

    Args:
        rng: generator of random numbers.
        grid: bars and beats of the piece.
        style: style of the parts.
        backing: probability of each part.
    """
    parts: list[Part] = []
    places = None
    if rng.random() < backing.drums and drums_fit(grid, style):
        part, places = drum_part(rng, grid, style)
        parts.append(part)
    if rng.random() < backing.bass:
        parts.append(_bass(rng, grid, style, places))
    if rng.random() < backing.chords:
        parts.append(_chords(rng, grid, style, 0))
    if rng.random() < backing.lead:
        parts.append(lead_part(rng, grid, style.leads))
    return tuple(part for part in parts if len(part.notes))


def drums_fit(grid: Grid, style: BandStyle) -> bool:
    """Return whether the style has drum patterns for all bars of the grid."""
    return all(can_drum(style.kits, divisions) for divisions in {bar.divisions for bar in grid.bars})


def drum_part(rng: np.random.Generator, grid: Grid, style: BandStyle) -> tuple[Part, Floats]:
    """Return a drum part, and the onsets of its bass drum in beats, (strokes,)."""
    rows = resting(rng, grid.bars, play_drums(rng, grid.bars, style.kits), 0.07)
    kit = _one(rng, style.drum_kits)
    places = np.array([row[0] for row in rows if row[2] == KICK], dtype=np.float64)
    return grid.part("drums", kit, rows, drums=True), places


def _bass(rng: np.random.Generator, grid: Grid, style: BandStyle, kicks: Floats | None) -> Part:
    kind = style.basses[int(rng.integers(len(style.basses)))]
    rows = play_bass(rng, grid.bars, kind, kicks=kicks)
    program = _one(rng, style.bass_programs)
    rows = resting(rng, grid.bars, rows, 0.1)
    return grid.part(f"bass {kind}", program, [_raised(row, 12) for row in rows] if program == 0 else rows)


def _raised(row: Row, semitones: int) -> Row:
    return (row[0], row[1], row[2] + semitones, row[3])


def _chords(rng: np.random.Generator, grid: Grid, style: BandStyle, number: int) -> Part:
    kind = style.comps[int(rng.integers(len(style.comps)))]
    program = _one(rng, style.chords)
    strum = float(rng.uniform(0.0, 0.03)) if program in _STRUMMED else 0.0
    centre = int(rng.integers(55, 66)) + 5 * number
    rows = play_chords(rng, grid.bars, kind, centre=centre, strum=strum)
    return grid.part(f"chords {kind}", program, resting(rng, grid.bars, rows, 0.15 if number else 0.05))


def lead_part(rng: np.random.Generator, grid: Grid, programs: Sequence[int]) -> Part:
    """Return a melody of random density and register, played by one of `programs`."""
    rows = play_melody(
        rng,
        grid.bars,
        centre=int(rng.integers(62, 80)),
        density=float(rng.uniform(0.1, 0.8)),
        rest=float(rng.choice([0.0, 0.1, 0.25, 0.5])),
    )
    return grid.part("lead", _one(rng, programs), resting(rng, grid.bars, rows, 0.2))


def _one(rng: np.random.Generator, programs: Sequence[int]) -> int:
    return int(programs[int(rng.integers(len(programs)))])


def resting(rng: np.random.Generator, bars: Sequence[Bar], rows: list[Row], chance: float) -> list[Row]:
    """Return notes without those in sections in which the part rests.

    Args:
        rng: generator of random numbers.
        bars: bars of the part.
        rows: notes of the part.
        chance: probability that the part rests in a section.
    """
    silent = {section for section in range(bars[-1].section + 1) if rng.random() < chance}
    spans = [(bar.beat, bar.beat + len(bar.divisions)) for bar in bars if bar.section in silent]
    return [row for row in rows if not any(start <= row[0] < end for start, end in spans)]
