from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from beattrack.rendering.evidence import kicks, rates
from beattrack.rendering.piece import ONSET, PITCH, Piece, onsets_of
from beattrack.rendering.sources.simple import KINDS, SimpleSource
from tests.midi_cases import assert_same

pytest.importorskip("mido")


def composed(kind: str, count: int = 8, seconds: float = 40.0) -> list[Piece]:
    return [KINDS[kind][1](np.random.default_rng(seed), seconds) for seed in range(count)]


def test_kinds_come_by_their_shares() -> None:
    source = SimpleSource()
    source.check()
    pieces = [source.draw(np.random.default_rng(seed), 20.0) for seed in range(300)]
    counts = Counter(piece.id.split("-")[1] for piece in pieces)
    assert counts.keys() == KINDS.keys()
    assert counts["alone"] / 300 == pytest.approx(KINDS["alone"][0], abs=0.07)
    assert len({piece.group for piece in pieces}) == 300


def test_a_draw_follows_from_its_seed() -> None:
    for seed in range(5):
        first, second = (SimpleSource().draw(np.random.default_rng(seed), 20.0) for _ in range(2))
        assert_same(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_length_and_onsets(kind: str) -> None:
    for piece in composed(kind):
        assert 35 <= piece.bpm <= 240
        assert piece.beats[-1] >= 30.0
        onsets = onsets_of(piece.parts)
        hit = np.abs(piece.beats[:, None] - onsets[None, :]).min(axis=1) < 0.05
        assert np.mean(hit) >= (0.35 if kind in ("sparse", "loop", "reggae") else 0.45)
        assert piece.licence == "generated"


@pytest.mark.parametrize(
    ("kind", "plain", "known"),
    [("accented", True, True), ("unaccented", True, False), ("alone", True, True), ("ballad", False, True)],
)
def test_what_is_known_and_left_as_written(kind: str, plain: bool, known: bool) -> None:
    for piece in composed(kind, 4):
        assert (piece.plain, piece.bars_known) == (plain, known)


@pytest.mark.parametrize("kind", ["chords", "alone"])
def test_chords_enter_on_bar_lines(kind: str) -> None:
    """The set of pitch classes of the chord part is that of one chord in each bar."""
    for piece in composed(kind):
        notes = piece.parts[0].notes
        bars = np.append(piece.downbeats, np.inf)
        for start, end in pairwise(bars.tolist()):
            inside = notes[(notes[:, ONSET] >= start - 1e-6) & (notes[:, ONSET] < end - 1e-6)]
            classes = {int(pitch) % 12 for pitch in inside[:, PITCH]}
            assert len(classes) <= (6 if kind == "alone" else 5)


def test_ballads_are_slow_and_their_hats_busy() -> None:
    for piece in composed("ballad"):
        assert 55 <= piece.bpm <= 80.1
        drums = next(part for part in piece.parts if part.drums)
        strokes = np.histogram(drums.notes[:, ONSET] + 0.02, piece.downbeats)[0]
        assert np.median(strokes) >= 10  # a bar


def test_one_drop_has_its_bass_drum_off_the_downbeat() -> None:
    shares = [rates(piece, kicks(piece.parts), tolerance=0.02) for piece in composed("reggae", 16)]
    drops = [share for share in shares if share[0] < 0.2]
    assert drops
    for share in drops:
        assert min(share[1], share[3]) > 0.8
    assert len(drops) < len(shares)
