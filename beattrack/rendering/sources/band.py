"""Generated songs: drums, bass, chords and lead in many styles and metres."""

from __future__ import annotations

import math

import numpy as np

from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.ensemble import accompany, drum_part, drums_fit
from beattrack.rendering.composing.grid import Grid, regular_grid
from beattrack.rendering.composing.harmony import song_form
from beattrack.rendering.composing.tempi import draw_bpm
from beattrack.rendering.metre import METRES, Metre
from beattrack.rendering.midi import require_mido
from beattrack.rendering.piece import Part, Piece, require_rhythm

LICENCE = "generated"
_DRUMLESS = 0.08  # share of songs without drums, of those in styles with drums


class BandSource:
    """Generated songs. Each is a group by itself."""

    def check(self) -> None:
        """Raise MissingExtraError if the package mido is not installed."""
        require_mido()

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random song of about `seconds`.

        Raises:
            RejectedPiece: if it has too few notes.
        """
        weights = np.array([style.weight for style in STYLES])
        style = STYLES[int(rng.choice(len(STYLES), p=weights / weights.sum()))]
        metre = METRES[_weighted(rng, style)]
        grid = _grid(rng, style, metre, seconds)
        parts = _parts(rng, grid, style)
        number = int(rng.integers(2**32))
        return require_rhythm(
            Piece(
                id=f"band-{style.name.replace(' ', '_')}-{number:08x}",
                source="band",
                licence=LICENCE,
                genre=style.genre,
                group=f"band-{number:08x}",
                metre=metre.name,
                parts=parts,
                beats=grid.beats,
                positions=grid.positions,
            )
        )


def _weighted(rng: np.random.Generator, style: BandStyle) -> str:
    weights = np.array(list(style.metres.values()))
    return str(rng.choice(list(style.metres), p=weights / weights.sum()))


def _grid(rng: np.random.Generator, style: BandStyle, metre: Metre, seconds: float) -> Grid:
    """Return a grid of constant tempo; the performance varies the tempo later."""
    bpm = draw_bpm(rng, style.slowest, style.fastest)
    quarter = 60.0 / bpm / metre.beats[0]
    count = max(8, math.ceil(seconds / (metre.quarters * quarter)) + 1)
    sections = song_form(rng, style.idioms[int(rng.integers(len(style.idioms)))], count)
    metres = [metre] * count
    if metre.name == "4/4" and rng.random() < 0.03:  # occasional bars of 2/4, as in some real songs
        metres = [METRES["2/4"] if bar > 2 and rng.random() < 0.1 else metre for bar in range(count)]
    return regular_grid(
        sections, metres, quarter, swing=float(rng.uniform(*style.swing)), sixteenths=style.sixteenths
    )


def _parts(rng: np.random.Generator, grid: Grid, style: BandStyle) -> tuple[Part, ...]:
    if not drums_fit(grid, style) or rng.random() < _DRUMLESS:
        return accompany(rng, grid, style)
    drums, kicks = drum_part(rng, grid, style)
    return (drums, *accompany(rng, grid, style, kicks=kicks))
