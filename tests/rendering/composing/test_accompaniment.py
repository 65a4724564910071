from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from beattrack.rendering.composing.accompaniment import (
    BassKind,
    CompKind,
    offbeat,
    play_bass,
    play_chords,
    voicing,
)
from beattrack.rendering.composing.grid import Bar, make_bars
from beattrack.rendering.composing.harmony import Chord, Section
from beattrack.rendering.metre import METRES

HARMONY = ((Chord(0),), (Chord(9, "m"), Chord(5)), (Chord(2, "m9"),), (Chord(7, "7"),))


def bars(metre: str) -> tuple[Bar, ...]:
    return make_bars([Section("A", HARMONY), Section("B", HARMONY)], [METRES[metre].divisions] * 8)


def places(rows: list[tuple[float, float, float, float]]) -> set[float]:
    return {round(row[0] % 4, 6) for row in rows}


@pytest.mark.parametrize("metre", ["2/4", "3/4", "4/4", "5/4", "6/8", "9/8", "12/8", "7/8", "2/2"])
@pytest.mark.parametrize("kind", get_args(BassKind))
def test_bass_lines_of_every_kind_and_metre(kind: BassKind, metre: str) -> None:
    song = bars(metre)
    rows = play_bass(np.random.default_rng(0), song, kind)
    end = song[-1].beat + len(song[-1].divisions)
    assert len(rows) >= 8
    assert all(0 <= row[0] < row[1] <= end and 24 <= row[2] <= 67 for row in rows)


@pytest.mark.parametrize("kind", ["quarters", "long", "fifths", "walking", "eighths"])
def test_the_bass_has_the_root_on_the_downbeat(kind: BassKind) -> None:
    song = bars("4/4")
    first = {row[0]: row[2] for row in play_bass(np.random.default_rng(0), song, kind)}
    assert all(first[float(bar.beat)] % 12 == bar.chords[0].root for bar in song)


def test_the_bass_follows_the_bass_drum() -> None:
    kicks = np.array([k + offset for k in range(0, 32, 4) for offset in (0.0, 1.75, 2.5)])
    rows = play_bass(np.random.default_rng(0), bars("4/4"), "kick", kicks=kicks)
    np.testing.assert_allclose([row[0] for row in rows], kicks)


@pytest.mark.parametrize("metre", ["2/4", "3/4", "4/4", "5/4", "6/8", "9/8", "12/8", "7/8", "2/2"])
@pytest.mark.parametrize("kind", get_args(CompKind))
def test_chords_of_every_kind_and_metre(kind: CompKind, metre: str) -> None:
    song = bars(metre)
    rows = play_chords(np.random.default_rng(1), song, kind)
    end = song[-1].beat + len(song[-1].divisions)
    assert rows
    assert all(0 <= row[0] < row[1] <= end + 1e-9 for row in rows)
    for start, _, pitch, _ in rows:
        bar = next(bar for bar in reversed(song) if bar.beat <= start)
        tones = {(chord.root + tone) % 12 for chord in bar.chords for tone in chord.tones}
        assert pitch % 12 in tones


def test_a_skank_is_on_off_beats_and_an_oompah_on_weak_beats() -> None:
    rng = np.random.default_rng(0)
    assert places(play_chords(rng, bars("4/4"), "skank")) == {0.5, 1.5, 2.5, 3.5}
    assert places(play_chords(rng, bars("4/4"), "oompah")) == {1, 3}
    waltz = play_chords(rng, bars("3/4"), "oompah")
    assert {row[0] % 3 for row in waltz} == {1, 2}
    jig = play_chords(rng, bars("6/8"), "skank")
    np.testing.assert_allclose([row[0] % 1 for row in jig], 2 / 3)
    assert [offbeat(size) for size in (4, 6, 8)] == [2, 4, 4]


def test_strumming_spreads_the_tones() -> None:
    rows = play_chords(np.random.default_rng(0), bars("4/4"), "pad", strum=0.02)
    assert sorted({round(row[0] % 1, 3) for row in rows}) == [0.0, 0.02, 0.04, 0.06]


def test_voicings_lie_around_their_centre() -> None:
    for root in range(12):
        for quality in ("", "m7", "9", "dim7"):
            pitches = voicing(Chord(root, quality), 60)
            assert pitches == sorted(pitches)
            assert pitches[0] >= 54
            assert pitches[-1] < 66
            assert 3 <= len(pitches) <= 4
