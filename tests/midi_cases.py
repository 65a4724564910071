"""MIDI files, archives and checks of pieces for the tests of the rendering sources."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.piece import Piece

SYMBOLIC = Path(__file__).parents[2] / "shared" / "data" / "symbolic"
Track = tuple[int, int, Sequence[tuple[float, float, int, int]]]  # channel, program, notes in quarters


def midi_bytes(
    tracks: Sequence[Track],
    *,
    bpm: float = 120.0,
    signature: tuple[int, int] | None = (4, 4),
    markers: Mapping[float, str] | None = None,
    names: Sequence[str] = (),
    ticks: int = 480,
) -> bytes:
    """A MIDI file; notes are (onset, offset, pitch, velocity), in quarters as are the places of markers."""
    mido = pytest.importorskip("mido")
    file = mido.MidiFile(ticks_per_beat=ticks)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=round(60e6 / bpm)))
    if signature:
        head.append(mido.MetaMessage("time_signature", numerator=signature[0], denominator=signature[1]))
    last = 0
    for place, text in sorted((markers or {}).items()):
        head.append(mido.MetaMessage("marker", text=text, time=round(place * ticks) - last))
        last = round(place * ticks)
    file.tracks.append(head)
    for number, (channel, program, notes) in enumerate(tracks):
        track = mido.MidiTrack()
        if number < len(names):
            track.append(mido.MetaMessage("track_name", name=names[number]))
        track.append(mido.Message("program_change", channel=channel, program=program))
        events: list[tuple[int, int, Any]] = []
        for onset, offset, pitch, velocity in notes:
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
            off = mido.Message("note_off", channel=channel, note=pitch)
            events += [(round(onset * ticks), 1, on), (round(offset * ticks), 0, off)]
        last = 0
        for tick, _, message in sorted(events, key=lambda event: event[:2]):
            track.append(message.copy(time=tick - last))
            last = tick
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def rock_drums(bars: int, beats: int = 4) -> list[tuple[float, float, int, int]]:
    """Bass drum on the first beat of each bar, snare on the others, hi-hat in eighths."""
    rows = []
    for beat in range(bars * beats):
        rows.append((beat, beat + 0.1, 36 if beat % beats == 0 else 38, 100))
        rows += [(beat + half, beat + half + 0.1, 42, 80) for half in (0.0, 0.5)]
    return rows


def write_archive(folder: Path, name: str, members: Mapping[str, bytes]) -> Path:
    """`folder`/`name`.tar.xz with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path = folder / f"{name}.tar.xz"
    path.write_bytes(lzma.compress(buffer.getvalue(), preset=0))
    return path


def needs_symbolic(name: str) -> pytest.MarkDecorator:
    """Skip where the archive is not beside the checkout."""
    path = SYMBOLIC / f"{name}.tar.xz"
    return pytest.mark.skipif(not path.is_file(), reason=f"needs ../shared/data/symbolic/{name}.tar.xz")


def draw_several(
    draw: Callable[[np.random.Generator, float], Piece], count: int, *, seed: int = 0, seconds: float = 40.0
) -> list[Piece]:
    """Pieces of `count` draws without those that are rejected."""
    pieces = []
    for index in range(count):
        try:
            pieces.append(draw(np.random.default_rng([seed, index]), seconds))
        except RejectedPiece:
            continue
    return pieces


def assert_same(first: Piece, second: Piece) -> None:
    """Fail unless two pieces are equal in all."""
    assert (first.id, first.genre, first.group, first.metre) == (
        second.id,
        second.genre,
        second.group,
        second.metre,
    )
    np.testing.assert_array_equal(first.beats, second.beats)
    np.testing.assert_array_equal(first.positions, second.positions)
    assert len(first.parts) == len(second.parts)
    for one, other in zip(first.parts, second.parts, strict=True):
        assert (one.name, one.program, one.drums) == (other.name, other.program, other.drums)
        np.testing.assert_array_equal(one.notes, other.notes)


def assert_sound(piece: Piece, *, seconds: float = 40.0) -> None:
    """Fail unless a piece has what a source promises: tempo, length, rising positions, notes in time."""
    assert 40 <= piece.bpm <= 195
    assert piece.beats[0] < 1.0
    assert 0.4 * seconds <= piece.beats[-1] <= 2.0 * seconds + 10.0
    steps = np.diff(piece.positions)
    assert np.all((steps == 1) | (piece.positions[1:] == 1))
    assert piece.positions[0] == 1
    assert piece.parts
    for part in piece.parts:
        assert part.notes[:, 0].min() >= -0.1
        assert part.notes[:, 0].max() <= piece.beats[-1] + 3.0
    assert piece.id.replace("-", "").replace("_", "").replace(".", "").isalnum()
