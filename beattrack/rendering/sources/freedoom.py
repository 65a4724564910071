"""Game music of the Freedoom project (BSD): rock, metal and ambient pieces with drums, some in odd metres.

Beats are from the time signatures; pieces whose notes do not confirm them are rejected.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.evidence import (
    crashes,
    every_second,
    kicks,
    leads,
    low_notes,
    on_beat_share,
    rates,
    snares,
)
from beattrack.rendering.metre import METRES, Metre
from beattrack.rendering.midi import MidiScore, read_midi, require_mido
from beattrack.rendering.piece import Floats, Piece, require_rhythm
from beattrack.rendering.sources.archive import archive_path, read_archive
from beattrack.rendering.sources.stretches import cut, scaled

LICENCE = "BSD-3-Clause (Freedoom)"

_SHORTEST = 20.0  # seconds
_SLOWEST, _FASTEST = 50.0, 165.0  # felt beats per minute
_MARGIN = 1.08  # factor by which the scaled tempo may exceed these limits
_HALF_TIME = 110.0  # BPM above which a backbeat on the third beat only halves the tempo
_ON_BEAT = 0.52  # least share of onsets on beats


class FreedoomSource:
    """Pieces of Freedoom. `symbolic` is the folder of its archive."""

    def __init__(self, symbolic: Path | None) -> None:
        self._symbolic = symbolic

    def check(self) -> None:
        """Raise RenderError if the archive is missing, MissingExtraError if mido is."""
        require_mido()
        archive_path(self._symbolic, "freedoom")

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        contents = read_archive(archive_path(self._symbolic, "freedoom"))
        return {name: content for name, content in contents.items() if name.endswith(".mid")}

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random excerpt of a piece, at about 0.85 to 1.15 times its tempo.

        Raises:
            RejectedPiece: if the metre is not supported, the notes do not confirm the beats, or the tempo is
                out of range.
        """
        names = list(self._contents)
        name = names[int(rng.integers(len(names)))]
        score = read_midi(self._contents[name])
        starts, metres = _bars(score)
        whole = _whole(Path(name).stem, score, starts, metres)
        check_grid(whole)
        whole = scaled(felt(whole), float(np.exp(rng.normal(0, 0.07))))
        if not _SLOWEST / _MARGIN <= whole.bpm <= _FASTEST * _MARGIN:
            raise RejectedPiece("tempo out of range")
        piece = _excerpt(rng, whole, seconds)
        return require_rhythm(replace(piece, id=f"{piece.id}-{int(rng.integers(2**32)):08x}"))


def _bars(score: MidiScore) -> tuple[Floats, list[Metre]]:
    """Return the ticks of bar lines, (bars,), and the metre of each bar; raise RejectedPiece if unknown."""
    if not score.parts or score.seconds(np.array([score.end]))[0] < _SHORTEST:
        raise RejectedPiece("too short")
    signatures = [(0, 4, 4), *score.signatures] if not score.signatures or score.signatures[0][0] else None
    changes = signatures or list(score.signatures)
    ends = [*(tick for tick, _, _ in changes[1:]), round(score.end)]
    starts: list[float] = []
    metres: list[Metre] = []
    for (tick, upper, lower), end in zip(changes, ends, strict=True):
        metre = METRES.get(f"{upper}/{lower}")
        if metre is None:
            raise RejectedPiece("ambiguous metre")
        length = metre.quarters * score.ticks_per_quarter
        count = int(np.ceil((end - tick) / length - 0.02))
        if tick != changes[-1][0] and abs(count * length - (end - tick)) > 2:
            raise RejectedPiece("metre changes within a bar")
        starts.extend(tick + length * index for index in range(count))
        metres.extend([metre] * count)
    return np.array(starts, dtype=np.float64), metres


def _whole(stem: str, score: MidiScore, starts: Floats, metres: list[Metre]) -> Piece:
    """Return the whole piece, with beats from its time signatures."""
    ticks: list[float] = []
    positions: list[int] = []
    for start, metre in zip(starts, metres, strict=True):
        offsets = np.concatenate(([0.0], np.cumsum(metre.beats)[:-1])) * score.ticks_per_quarter
        ticks.extend(start + offsets)
        positions.extend(range(1, len(metre.beats) + 1))
    beats = score.seconds(np.array(ticks, dtype=np.float64))
    names = [metre.name for metre in metres]
    parts = []
    for part in score.parts_in_seconds():
        kit = part.program if part.program in (0, 8, 16, 24, 25, 32, 40, 48) else 0
        parts.append(replace(part, program=kit if part.drums else part.program))
    heavy = any(part.program in (29, 30) and len(part.notes) > 50 for part in parts if not part.drums)
    return Piece(
        id=f"freedoom-{stem}",
        source="freedoom",
        licence=LICENCE,
        genre="metal" if heavy else "game",
        group=f"freedoom-{stem}",
        metre=max(set(names), key=names.count),
        parts=tuple(parts),
        beats=beats,
        positions=np.array(positions, dtype=np.int64),
    )


def check_grid(piece: Piece) -> None:
    """Check that the notes of a piece confirm its beats and downbeats.

    At least two of bass drum, low notes and crash cymbals must be about as frequent on downbeats as on any
    other beat, and none may be much less frequent.

    Raises:
        RejectedPiece: if downbeats are not confirmed, or onsets are not on beats.
    """
    if on_beat_share(piece) < _ON_BEAT:
        raise RejectedPiece("notes are not on the beats")
    marks = [rates(piece, onsets(piece.parts)) for onsets in (kicks, low_notes, crashes)]
    said = [shares for shares in marks if shares.max() > 0.1]
    for_it = sum(leads(shares, share=0.95) for shares in said)
    against = sum(not leads(shares, share=0.6) for shares in said)
    if for_it < 2 or against:
        raise RejectedPiece("downbeats are doubtful")


def felt(piece: Piece) -> Piece:
    """Return a piece, at half the tempo if it is in 4/4 and very fast, or fast with a half-time backbeat."""
    if set(np.unique(piece.positions)) != {1, 2, 3, 4} or len(piece.beats) % 4:
        return piece
    shares = rates(piece, snares(piece.parts))
    half_time = shares[2] > 0.3 and shares[1] + shares[3] < 0.25 * shares[2]
    if not piece.bpm > _FASTEST and not (half_time and piece.bpm > _HALF_TIME):
        return piece
    odd = every_second(piece.positions)
    beats, positions = piece.beats[odd], (piece.positions[odd] + 1) // 2
    return replace(piece, metre="2/2", beats=beats, positions=positions)


def _excerpt(rng: np.random.Generator, piece: Piece, seconds: float) -> Piece:
    """Return a random excerpt of about `seconds` that starts at a bar line, at time 0."""
    lines = np.flatnonzero(piece.positions == 1)
    latest = max(piece.beats[-1] - seconds, piece.beats[0])
    first = int(rng.choice(lines[piece.beats[lines] <= latest + 1e-9]))
    start, end = float(piece.beats[first]), float(piece.beats[first]) + seconds
    last = int(np.searchsorted(piece.beats, end))
    parts = [cut(part, start, end) for part in piece.parts]
    return replace(
        piece,
        parts=tuple(part for part in parts if len(part.notes)),
        beats=piece.beats[first:last] - start,
        positions=piece.positions[first:last],
    )
