from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import kicks, rates
from beattrack.rendering.sources.groove import GrooveSource
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
    folder: Path, name: str, *, bpm: float, late: float = 0.0, bars: int = 16, shift: int = 0
) -> Path:
    rows = [(on + late + shift, off + late + shift, pitch, v) for on, off, pitch, v in rock_drums(bars)]
    rows = [(on, off, {42: 22}.get(pitch, pitch), v) for on, off, pitch, v in rows]  # the pad's own number
    content = midi_bytes([(9, 0, rows)], bpm=bpm)
    write_archive(folder, "groove", {f"groove/drummer1/session2/{name}.mid": content})
    return folder


def test_a_take_becomes_a_piece_on_its_click(tmp_path: Path) -> None:
    source = GrooveSource(archive(tmp_path, "7_funk-fast_100_beat_4-4", bpm=100, late=0.03))
    source.check()
    pieces = draw_several(source.draw, 8, seconds=60.0)
    assert len(pieces) == 8
    assert {len(piece.parts) > 1 for piece in pieces} == {True, False}
    for piece in pieces:
        assert_sound(piece, seconds=60.0)
        assert (piece.genre, piece.group, piece.metre) == ("funk", "groove-drummer1-session2", "4/4")
        assert 80 < piece.bpm < 125
        np.testing.assert_array_equal(rates(piece, kicks(piece.parts), tolerance=0.01), [1, 0, 0, 0])
        drums = next(part for part in piece.parts if part.drums)
        assert set(drums.notes[:, 2]) == {36, 38, 42}


def test_half_time_takes_are_tapped_in_two(tmp_path: Path) -> None:
    source = GrooveSource(archive(tmp_path, "7_rock-halftime_140_beat_4-4", bpm=140))
    piece = source.draw(np.random.default_rng(0), 30.0)
    assert piece.metre == "2/2"
    assert piece.positions.max() == 2
    assert piece.bpm == pytest.approx(70, rel=0.2)


@pytest.mark.parametrize(
    ("name", "bpm", "bars", "shift", "reason"),
    [
        ("7_rock_180_beat_4-4", 180, 16, 0, "too fast"),
        ("7_rock_100_beat_4-4", 100, 2, 0, "too short"),
        ("7_rock_100_beat_4-4", 100, 16, 1, "bass drum"),
    ],
)
def test_unusable_takes_are_rejected(
    tmp_path: Path, name: str, bpm: float, bars: int, shift: int, reason: str
) -> None:
    source = GrooveSource(archive(tmp_path, name, bpm=bpm, bars=bars, shift=shift))
    with pytest.raises(RejectedPiece, match=reason):
        source.draw(np.random.default_rng(0), 30.0)


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"groove\.tar\.xz"):
        GrooveSource(tmp_path).check()
    with pytest.raises(RenderError, match="--symbolic"):
        GrooveSource(None).check()


@needs_symbolic("groove")
def test_real_takes() -> None:
    pieces = draw_several(GrooveSource(SYMBOLIC).draw, 30)
    assert len(pieces) > 12
    for piece in pieces:
        assert_sound(piece)
    assert len({piece.genre for piece in pieces}) >= 4
    again = draw_several(GrooveSource(SYMBOLIC).draw, 6)
    assert len(again) >= 2
    for first, second in zip(pieces, again, strict=False):
        assert_same(first, second)
