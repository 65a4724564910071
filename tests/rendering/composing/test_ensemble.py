from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.ensemble import Backing, accompany, back, drum_part, drums_fit, resting
from beattrack.rendering.composing.grid import Grid, regular_grid
from beattrack.rendering.composing.harmony import song_form
from beattrack.rendering.metre import METRES


def grid(metre: str = "4/4", bars: int = 16) -> Grid:
    sections = song_form(np.random.default_rng(0), "pop", bars)
    return regular_grid(sections, [METRES[metre]] * bars, 0.5, swing=0.5, sixteenths=False)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_style_plays_in_its_metres(style: BandStyle) -> None:
    for metre in style.metres:
        places = grid(metre)
        parts = accompany(np.random.default_rng(0), places, style)
        assert parts[0].name.startswith("bass")
        assert any(part.name.startswith("chords") for part in parts)
        assert all(part.notes[-1, 0] < places.times[-1] for part in parts)
        if any((style.kits.four, style.kits.three, style.kits.compound)):
            assert drums_fit(places, style), metre


def test_backing_adds_what_it_must() -> None:
    rng, style = np.random.default_rng(0), STYLES[0]
    all_four = back(rng, grid(), style, Backing(drums=1, bass=1, chords=1, lead=1))
    assert [part.drums for part in all_four] == [True, False, False, False]
    assert back(rng, grid(), style, Backing(drums=0, bass=0, chords=0, lead=0)) == ()


def test_a_part_rests_in_whole_sections() -> None:
    places = grid(bars=32)
    rows = [(float(beat), beat + 0.5, 60.0, 90.0) for beat in range(128)]
    kept = resting(np.random.default_rng(3), places.bars, rows, 0.5)
    assert 0 < len(kept) < len(rows)
    section = {bar.beat: bar.section for bar in places.bars}
    heard = {section[4 * (int(row[0]) // 4)] for row in kept}
    assert len(kept) == sum(4 for bar in places.bars if bar.section in heard)
    assert resting(np.random.default_rng(3), places.bars, rows, 0.0) == rows
    assert resting(np.random.default_rng(3), places.bars, rows, 1.0) == []


def test_drums_tell_where_their_bass_drum_is() -> None:
    places = grid()
    part, kicks = drum_part(np.random.default_rng(0), places, STYLES[0])
    np.testing.assert_allclose(np.sort(places.seconds(kicks)), part.notes[part.notes[:, 2] == 36, 0])
