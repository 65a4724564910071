from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.composing.harmony import (
    _LOOPS,
    IDIOMS,
    Chord,
    chord_from_numeral,
    loop,
    progression,
    song_form,
    transposed,
)


@pytest.mark.parametrize(
    ("numeral", "key", "name"),
    [
        ("I", 0, "C"),
        ("vi", 0, "Am"),
        ("V7", 7, "D7"),
        ("bVIM7", 0, "AbM7"),
        ("ii7b5", 9, "Bm7b5"),
        ("#Idim7", 0, "Dbdim7"),
        ("viidim7", 0, "Bdim7"),
        ("Vsus4", 5, "Csus4"),
    ],
)
def test_numerals_name_chords(numeral: str, key: int, name: str) -> None:
    assert str(chord_from_numeral(numeral, key)) == name


def test_what_is_no_numeral_is_refused() -> None:
    with pytest.raises(ValueError, match="Roman"):
        chord_from_numeral("C7", 0)


def test_every_loop_can_be_played() -> None:
    for lines in _LOOPS.values():
        for line in lines:
            for bar in loop(line, 3):
                assert 1 <= len(bar) <= 2
                assert all(chord.tones[0] == 0 for chord in bar)  # an unknown quality would raise


@given(st.integers(0, 2**32), st.sampled_from(IDIOMS), st.integers(1, 80))
def test_progressions_and_songs_have_the_length_asked_for(seed: int, idiom: str, bars: int) -> None:
    rng = np.random.default_rng(seed)
    assert len(progression(rng, idiom, 2, bars)) == bars  # type: ignore[arg-type]
    sections = song_form(rng, idiom, bars)  # type: ignore[arg-type]
    assert sum(len(section.bars) for section in sections) == bars


def test_sections_of_one_letter_share_their_harmony() -> None:
    for seed in range(30):
        sections = song_form(np.random.default_rng(seed), "pop", 64)
        first = {section.letter: section.bars for section in reversed(sections)}
        for section in sections[:-1]:  # the last may rise by a key
            assert section.bars == first[section.letter][: len(section.bars)]


def test_transposition_goes_round() -> None:
    bars = ((Chord(11, "m7"),), (Chord(0), Chord(5, "7")))
    assert transposed(bars, 1) == ((Chord(0, "m7"),), (Chord(1), Chord(6, "7")))
    assert transposed(bars, 12) == bars
