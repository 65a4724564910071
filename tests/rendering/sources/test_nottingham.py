from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import rates
from beattrack.rendering.sources.nottingham import NottinghamSource
from tests.midi_cases import (
    SYMBOLIC,
    assert_same,
    assert_sound,
    draw_several,
    midi_bytes,
    needs_symbolic,
    write_archive,
)

pytest.importorskip("mido")


def archive(
    folder: Path, name: str, signature: tuple[int, int], *, chords_at: float = 0.0, bars: int = 16
) -> Path:
    """A tune in running eighths with a pickup in its first bar, and a chord at each bar from the second."""
    length = 4 * signature[0] / signature[1]
    eighths = int(2 * length * (bars + 1))
    melody = [(k / 2, k / 2 + 0.4, 72 + k % 5, 90) for k in range(eighths) if k / 2 >= length - 0.5]
    chords = [
        (length * bar + chords_at, length * (bar + 1), pitch, 90)
        for bar in range(1, bars + 1)
        for pitch in ((45, 48, 52) if bar % 2 else (43, 47, 50))
    ]
    content = midi_bytes([(0, 0, melody), (1, 0, chords)], signature=signature, ticks=1024)
    write_archive(folder, "nottingham", {f"nottingham/{name}.mid": content})
    return folder


@pytest.mark.parametrize(
    ("name", "signature", "metres", "longest"),
    [
        ("jigs1", (6, 8), {"6/8"}, 2),
        ("slip1", (9, 8), {"9/8"}, 3),
        ("waltzes1", (3, 4), {"3/4"}, 3),
        ("reelsa-c1", (4, 4), {"4/4", "2/2"}, 4),
        ("hpps1", (4, 4), {"4/4"}, 4),
    ],
)
def test_tunes_in_the_metre_they_are_felt_in(
    tmp_path: Path, name: str, signature: tuple[int, int], metres: set[str], longest: int
) -> None:
    source = NottinghamSource(archive(tmp_path, name, signature))
    source.check()
    pieces = draw_several(source.draw, 10, seconds=30.0)
    assert len(pieces) == 10
    assert {piece.metre for piece in pieces} == metres
    for piece in pieces:
        assert_sound(piece, seconds=30.0)
        assert piece.positions.max() == (2 if piece.metre == "2/2" else longest)
        melody = next(part for part in piece.parts if part.name == "melody")
        assert rates(piece, melody.notes[:, 0], tolerance=0.02).min() > 0.95


def test_doubtful_tunes_are_rejected(tmp_path: Path) -> None:
    for folder, options in (("a", {"chords_at": 1.0}), ("b", {"bars": 4})):
        (tmp_path / folder).mkdir()
        source = NottinghamSource(archive(tmp_path / folder, "hpps1", (4, 4), **options))
        with pytest.raises(RejectedPiece, match=r"harmony contradicts|eight bars"):
            source.draw(np.random.default_rng(0), 30.0)
    source = NottinghamSource(archive(tmp_path, "odd", (3, 2)))
    with pytest.raises(RejectedPiece, match="metre"):
        source.draw(np.random.default_rng(0), 30.0)


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"nottingham\.tar\.xz"):
        NottinghamSource(tmp_path).check()


@needs_symbolic("nottingham")
def test_real_tunes() -> None:
    pieces = draw_several(NottinghamSource(SYMBOLIC).draw, 30)
    assert len(pieces) > 24
    for piece in pieces:
        assert_sound(piece)
    assert {piece.metre for piece in pieces} >= {"6/8", "4/4", "2/2"}
    again = draw_several(NottinghamSource(SYMBOLIC).draw, 6)
    assert len(again) >= 2
    for first, second in zip(pieces, again, strict=False):
        assert_same(first, second)
