from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import low_notes, rates
from beattrack.rendering.sources.pop909 import Pop909Source
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
BARS = 24
CHORDS = ("C:maj", "A:min7", "F:maj/3", "G:7")


def archive(folder: Path, *, bass_at: int = 0, change_at: int = 0, irregular: bool = False) -> Path:
    """A song at 80 BPM, the first downbeat on beat 2, with a melody on beats and a bass note in each bar."""
    beat = 0.75
    count = 4 * BARS + 2
    down = [(k - 2) % 4 == 0 for k in range(count)]
    if irregular:
        down = [k % (3 + k % 5) == 0 for k in range(count)]
    beats = "".join(f"{k * beat} 1.0 {float(down[k])}\n" for k in range(count))
    starts = [(4 * bar + 2 + change_at) * beat for bar in range(BARS)]
    chords = "".join(f"{s}\t{s + 4 * beat}\t{CHORDS[k % 4]}\n" for k, s in enumerate(starts))
    melody = [(k, k + 0.5, 72 + k % 5, 90) for k in range(2, count)]
    bass = [(4 * bar + 2 + bass_at, 4 * bar + 3 + bass_at, 40, 90) for bar in range(BARS)]
    midi = midi_bytes([(0, 0, melody), (1, 0, bass)], bpm=80, names=["MELODY", "PIANO"])
    members = {"001.mid": midi, "beat_midi.txt": beats.encode(), "chord_midi.txt": chords.encode()}
    write_archive(folder, "pop909", {f"pop909/001/{name}": content for name, content in members.items()})
    return folder


def test_a_song_starts_at_its_downbeat(tmp_path: Path) -> None:
    source = Pop909Source(archive(tmp_path))
    source.check()
    pieces = draw_several(source.draw, 8, seconds=30.0)
    assert len(pieces) == 8
    for piece in pieces:
        assert_sound(piece, seconds=30.0)
        assert (piece.group, piece.metre) == ("pop909-001", "4/4")
        assert piece.bpm == pytest.approx(80, rel=0.3)
        played = tuple(part for part in piece.parts if part.name == "piano")
        np.testing.assert_array_equal(rates(piece, low_notes(played)), [1, 0, 0, 0])
    assert {any(part.drums for part in piece.parts) for piece in pieces} == {True, False}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"bass_at": 1}, "bass contradicts"),
        ({"change_at": 1}, "harmony contradicts"),
        ({"irregular": True}, "harmony|bars"),
    ],
)
def test_doubtful_songs_are_rejected(tmp_path: Path, options: dict[str, int], reason: str) -> None:
    source = Pop909Source(archive(tmp_path, **options))
    with pytest.raises(RejectedPiece, match=reason):
        source.draw(np.random.default_rng(0), 30.0)


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"pop909\.tar\.xz"):
        Pop909Source(tmp_path).check()


@needs_symbolic("pop909")
def test_real_songs() -> None:
    pieces = draw_several(Pop909Source(SYMBOLIC).draw, 20)
    assert len(pieces) > 10
    for piece in pieces:
        assert_sound(piece)
        low = rates(piece, low_notes([part for part in piece.parts if part.name == "piano"]))
        assert low.max() < 0.3 or low[0] >= 0.7 * low.max()
    again = draw_several(Pop909Source(SYMBOLIC).draw, 6)
    assert len(again) >= 2
    for first, second in zip(pieces, again, strict=False):
        assert_same(first, second)
