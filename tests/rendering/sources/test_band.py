from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.evidence import kicks, on_beat_share, rates, snares
from beattrack.rendering.metre import METRES
from beattrack.rendering.piece import Piece
from beattrack.rendering.sources import SOURCES
from beattrack.rendering.sources.band import BandSource
from tests.midi_cases import assert_same, assert_sound, draw_several


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return draw_several(BandSource().draw, 120)


def test_pieces_are_sound_and_differ(pieces: list[Piece]) -> None:
    assert len(pieces) > 110
    for piece in pieces:
        assert_sound(piece)
    assert len({piece.id for piece in pieces}) == len(pieces)
    assert len({piece.genre for piece in pieces}) >= 10
    assert len({piece.metre for piece in pieces}) >= 5


def test_tempi_are_those_of_the_styles(pieces: list[Piece]) -> None:
    styles = {style.name.replace(" ", "_"): style for style in STYLES}
    for piece in pieces:
        style = styles[piece.id.split("-")[1] if "twelve" not in piece.id else "slow_twelve-eight"]
        if len(set(METRES[piece.metre].beats)) == 1:
            assert style.slowest * 0.999 <= piece.bpm <= style.fastest * 1.001
    bpm = np.array([piece.bpm for piece in pieces])
    assert np.mean((bpm > 60) & (bpm < 150)) > 0.8
    by_genre = {style.genre: style for style in STYLES}
    assert by_genre.keys() >= {piece.genre for piece in pieces}


def test_positions_follow_the_metre(pieces: list[Piece]) -> None:
    for piece in pieces:
        beats = METRES[piece.metre].beats
        assert piece.positions.max() == len(beats)
        if len(set(beats)) > 1:  # unequal beats, as in 7/8
            steps = np.diff(piece.beats)
            np.testing.assert_allclose(
                steps[piece.positions[:-1] == len(beats)].mean() / steps[piece.positions[:-1] == 1].mean(),
                beats[-1] / beats[0],
                rtol=0.05,
            )


def test_notes_lie_on_beats(pieces: list[Piece]) -> None:
    assert np.mean([on_beat_share(piece) for piece in pieces]) > 0.55


def test_the_bass_drum_marks_downbeats_of_rock(pieces: list[Piece]) -> None:
    rock = [piece for piece in pieces if piece.genre in ("rock", "pop", "funk", "hiphop", "country")]
    shares = [rates(piece, kicks(piece.parts)) for piece in rock]
    drummed = [share for share in shares if share.max() > 0.1]
    assert len(drummed) > 10
    assert all(share[0] >= 0.95 * share.max() for share in drummed)


def test_reggae_and_slow_rock_keep_a_backbeat_at_the_slow_beat(pieces: list[Piece]) -> None:
    reggae = [piece for piece in pieces if piece.genre == "reggae" and piece.bpm < 95]
    assert reggae
    for piece in reggae:
        share = rates(piece, snares(piece.parts))
        assert share.max() == 0 or share[[1, 3]].min() > share[[0, 2]].max()


def test_drawing_is_deterministic() -> None:
    first, second = (BandSource().draw(np.random.default_rng(4), 30.0) for _ in range(2))
    assert_same(first, second)
    assert BandSource().draw(np.random.default_rng(5), 30.0).id != first.id


def test_the_registry_makes_it() -> None:
    pytest.importorskip("mido")
    source = SOURCES["band"](None)
    source.check()
    assert source.draw(np.random.default_rng(1), 20.0).source == "band"
