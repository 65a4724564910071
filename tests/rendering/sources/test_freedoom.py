from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import kicks, rates
from beattrack.rendering.sources.freedoom import FreedoomSource
from tests.midi_cases import (
    SYMBOLIC,
    assert_same,
    assert_sound,
    draw_several,
    midi_bytes,
    needs_symbolic,
    rock_drums,
    write_archive,
)

pytest.importorskip("mido")


def archive(
    folder: Path,
    *,
    bpm: float = 110,
    signature: tuple[int, int] | None = (4, 4),
    bars: int = 32,
    shift: float = 0.0,
    program: int = 30,
) -> Path:
    beats = signature[0] if signature else 4
    drums = rock_drums(bars, beats)
    bass = [(bar * beats, bar * beats + 1, 36, 90) for bar in range(bars)]
    moved = [[(on + shift, off + shift, pitch, v) for on, off, pitch, v in rows] for rows in (drums, bass)]
    guitar = [(k / 2 + shift, k / 2 + 0.4 + shift, 52, 90) for k in range(2 * bars * beats)]
    content = midi_bytes(
        [(9, 16, moved[0]), (0, 33, moved[1]), (1, program, guitar)], bpm=bpm, signature=signature
    )
    write_archive(folder, "freedoom", {"freedoom/d_one.mid": content, "freedoom/COPYING": b"BSD"})
    return folder


def test_a_piece_with_beats_from_its_signature(tmp_path: Path) -> None:
    source = FreedoomSource(archive(tmp_path, signature=(5, 4)))
    source.check()
    for piece in draw_several(source.draw, 5, seconds=30.0):
        assert_sound(piece, seconds=30.0)
        assert (piece.metre, piece.genre, piece.group) == ("5/4", "metal", "freedoom-d_one")
        assert piece.beats[0] == 0
        assert piece.bpm == pytest.approx(110, rel=0.3)
        np.testing.assert_array_equal(rates(piece, kicks(piece.parts), tolerance=0.01), [1, 0, 0, 0, 0])


def test_without_a_signature_it_is_in_four(tmp_path: Path) -> None:
    source = FreedoomSource(archive(tmp_path, signature=None, program=0))
    piece = source.draw(np.random.default_rng(0), 30.0)
    assert (piece.metre, piece.genre) == ("4/4", "game")


def test_what_is_too_fast_to_tap_is_halved(tmp_path: Path) -> None:
    piece = FreedoomSource(archive(tmp_path, bpm=210, bars=48)).draw(np.random.default_rng(0), 30.0)
    assert (piece.metre, piece.positions.max()) == ("2/2", 2)
    assert piece.bpm == pytest.approx(105, rel=0.3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"shift": 1.0}, "downbeats are doubtful"),
        ({"shift": 0.25}, "not on the beats|downbeats"),
        ({"bars": 4}, "too short"),
        ({"signature": (13, 16)}, "metre"),
        ({"signature": (5, 4), "bpm": 230, "bars": 60}, "tempo"),
    ],
)
def test_doubtful_pieces_are_rejected(tmp_path: Path, options: dict[str, float], reason: str) -> None:
    source = FreedoomSource(archive(tmp_path, **options))  # type: ignore[arg-type]
    with pytest.raises(RejectedPiece, match=reason):
        source.draw(np.random.default_rng(0), 30.0)


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"freedoom\.tar\.xz"):
        FreedoomSource(tmp_path).check()


@needs_symbolic("freedoom")
def test_real_pieces() -> None:
    pieces = draw_several(FreedoomSource(SYMBOLIC).draw, 16)
    assert len(pieces) > 7
    for piece in pieces:
        assert_sound(piece)
        assert piece.bpm < 180
    again = draw_several(FreedoomSource(SYMBOLIC).draw, 6)
    assert len(again) >= 2
    for first, second in zip(pieces, again, strict=False):
        assert_same(first, second)
