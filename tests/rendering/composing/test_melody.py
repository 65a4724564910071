from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.composing.grid import make_bars
from beattrack.rendering.composing.harmony import Chord, song_form
from beattrack.rendering.composing.melody import play_melody
from beattrack.rendering.metre import METRES


@given(st.integers(0, 2**32), st.sampled_from(sorted(METRES)), st.floats(0, 1))
def test_melodies_stay_in_range_and_inside_the_song(seed: int, metre: str, density: float) -> None:
    rng = np.random.default_rng(seed)
    bars = make_bars(song_form(rng, "jazz", 16), [METRES[metre].divisions] * 16)
    rows = play_melody(rng, bars, centre=70, density=density)
    end = bars[-1].beat + len(bars[-1].divisions)
    starts = [row[0] for row in rows]
    assert starts == sorted(starts)
    assert all(0 <= row[0] < row[1] <= end for row in rows)
    assert all(56 <= row[2] <= 84 for row in rows)


def test_beats_have_tones_of_the_chord() -> None:
    rng = np.random.default_rng(0)
    bars = make_bars(song_form(rng, "pop", 32), [(4, 4, 4, 4)] * 32)
    for start, _, pitch, _ in play_melody(rng, bars, density=1.0, rest=0.0):
        if start % 1 == 0:
            bar = bars[int(start) // 4]
            chord: Chord = bar.chord_at(4 * (int(start) % 4))
            assert (pitch - chord.root) % 12 in {tone % 12 for tone in chord.tones}


def test_density_and_rests_govern_the_number_of_notes() -> None:
    def count(density: float, rest: float) -> int:
        rng = np.random.default_rng(5)
        bars = make_bars(song_form(rng, "pop", 64), [(4, 4, 4, 4)] * 64)
        return len(play_melody(rng, bars, density=density, rest=rest))

    assert count(0.1, 0.0) < 0.75 * count(0.9, 0.0)
    assert count(0.5, 0.5) < 0.7 * count(0.5, 0.0)
    assert count(0.5, 1.0) == 0
