from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import kicks, rates
from beattrack.rendering.sources.song_index import NOT_STATED
from beattrack.rendering.sources.songs import GENRES, SongsSource
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
from tests.rendering.sources.song_cases import row

pytest.importorskip("mido")


def song(*, bars: int = 64, beats: int = 4, bpm: float = 100.0, pickup: float = 0.0, kit: int = 3) -> bytes:
    """Drums from the second bar on and a bass; `pickup`: quarters of melody before the second bar."""
    drums = [(on + beats, off + beats, pitch, v) for on, off, pitch, v in rock_drums(bars - 1, beats)]
    bass = [(bar * beats, bar * beats + 1, 36, 90) for bar in range(1, bars)]
    lead = [(place, place + 0.4, 72, 90) for place in np.arange(beats - pickup, bars * beats, 2).tolist()]
    return midi_bytes([(9, kit, drums), (0, 33, bass), (1, 56, lead)], bpm=bpm, signature=(beats, 4))


def archive(
    folder: Path, rows: Sequence[dict[str, Any]], *, name: str = "songs", content: bytes | None = None
) -> Path:
    members = {f"songs/{one['id']}.mid": content or song() for one in rows}
    write_archive(folder, name, {"index.json": json.dumps(rows).encode(), "README.md": b"", **members})
    return folder


def test_excerpts_of_songs(tmp_path: Path) -> None:
    source = SongsSource(archive(tmp_path, [row("rock-0001"), row("blues-0001")]))
    source.check()
    pieces = draw_several(source.draw, 12, seconds=40.0)
    assert len(pieces) == 12
    for piece in pieces:
        assert_sound(piece, seconds=40.0)
        assert piece.group in ("songs-rock-0001", "songs-blues-0001")
        assert (piece.source, piece.licence, piece.metre) == ("songs", NOT_STATED, "4/4")
        assert piece.bars_known
        assert piece.own_sound
        assert piece.bpm == pytest.approx(100, rel=0.07)
        np.testing.assert_array_equal(rates(piece, kicks(piece.parts), tolerance=0.01)[1:], [0, 0, 0])
        assert {part.program for part in piece.parts} == {0, 33, 56}
    assert len({round(len(piece.beats)) for piece in pieces}) > 1
    assert len({piece.id for piece in pieces}) == 12


def test_a_draw_follows_from_its_seed(tmp_path: Path) -> None:
    folder = archive(tmp_path, [row(f"rock-{n:04d}") for n in range(5)])
    first, second = (SongsSource(folder).draw(np.random.default_rng(7), 30.0) for _ in range(2))
    assert_same(first, second)


def test_either_archive_is_enough(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"songs\.tar\.xz"):
        SongsSource(tmp_path).check()
    with pytest.raises(RenderError, match="--symbolic"):
        SongsSource(None).check()
    archive(tmp_path, [row("metal2-0001", genre="metal")], name="songs2")
    source = SongsSource(tmp_path)
    source.check()
    assert source.draw(np.random.default_rng(0), 30.0).group == "songs-metal2-0001"
    archive(tmp_path, [row("rock-0001")])
    groups = {piece.group for piece in draw_several(SongsSource(tmp_path).draw, 20, seconds=30.0)}
    assert groups == {"songs-metal2-0001", "songs-rock-0001"}


def test_genres_come_by_weight_and_charts_less_often(tmp_path: Path) -> None:
    rows = [row(f"blues-{n}") for n in range(2)] + [row(f"classical-{n}") for n in range(20)]
    source = SongsSource(archive(tmp_path, [*rows, row("blues-9", arranged=True)]))
    pieces = draw_several(source.draw, 300, seconds=20.0)
    genres = Counter(piece.genre for piece in pieces)
    expected = GENRES["blues"] / (GENRES["blues"] + GENRES["classical"])
    assert genres["blues"] / len(pieces) == pytest.approx(expected, abs=0.08)
    groups = Counter(piece.group for piece in pieces)
    assert groups["songs-blues-9"] < 0.6 * groups["songs-blues-0"]


def test_pickup_is_kept_at_the_opening(tmp_path: Path) -> None:
    folder = archive(tmp_path, [row("folk-0001")], content=song(pickup=1.0))
    openings = [
        piece for piece in draw_several(SongsSource(folder).draw, 60, seconds=30.0) if piece.positions[0] != 1
    ]
    assert openings
    for piece in openings:
        assert piece.positions[:3].tolist() == [4, 1, 2]


def test_bars_that_are_not_trusted(tmp_path: Path) -> None:
    source = SongsSource(archive(tmp_path, [row("jazz-0001", downbeats="no")]))
    assert not source.draw(np.random.default_rng(0), 30.0).bars_known


@pytest.mark.parametrize(
    ("changes", "content", "reason"),
    [
        ({"signature_ticks": [[0, 15, 4]]}, None, "bar too long"),
        ({}, song(bars=64, bpm=270), "tempo"),
        ({}, midi_bytes([(0, 0, [(0, 1, 60, 90), (60, 61, 60, 90)])]), "note|silent"),
    ],
)
def test_unusable_draws(tmp_path: Path, changes: dict[str, Any], content: bytes | None, reason: str) -> None:
    source = SongsSource(archive(tmp_path, [row("rock-0001", **changes)], content=content))
    with pytest.raises(RejectedPiece, match=reason):
        source.draw(np.random.default_rng(0), 30.0)


@pytest.mark.parametrize("members", [{"songs/a.mid": b""}, {"index.json": b"[]"}, {"index.json": b"no"}])
def test_damaged_archives(tmp_path: Path, members: dict[str, bytes]) -> None:
    write_archive(tmp_path, "songs", members)
    with pytest.raises(RenderError, match=r"songs\.tar\.xz.*index"):
        SongsSource(tmp_path).draw(np.random.default_rng(0), 30.0)


@pytest.mark.slow
@needs_symbolic("songs")
def test_the_collection() -> None:
    pieces = draw_several(SongsSource(SYMBOLIC).draw, 60)
    assert len(pieces) >= 50
    assert len({piece.genre for piece in pieces}) >= 8
    for piece in pieces:
        assert 35 <= piece.bpm <= 240
