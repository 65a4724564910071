"""A piece of music as notes in seconds with exact beats, drawn from a source and passed to the synthesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.errors import RejectedPiece

SourceName = Literal["songs", "simple", "mma", "band", "groove", "pop909", "nottingham", "freedoom"]
SOURCE_NAMES: tuple[SourceName, ...] = get_args(SourceName)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ONSET, OFFSET, PITCH, VELOCITY = range(4)  # columns of notes

# General MIDI families with a sharp attack (piano, mallets, organ, plucked strings, bass, synth lead). Bowed
# strings, voices, brass, reeds, pipes and pads have attacks of up to 75 ms.
_CRISP_PROGRAMS = frozenset(
    (*range(20), *range(24, 40), 45, 46, 47, *range(80, 88), *range(104, 109), *range(112, 119))
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The notes of one instrument.

    Attributes:
        name: description, for the record.
        program: General MIDI program from 0 to 127; for drums the drum kit (0 is the standard kit).
        drums: whether the pitches are drums of the General MIDI percussion map.
        notes: rows of onset and offset in seconds, MIDI pitch and velocity, sorted by onset, shape (notes,
            4). Pitches are whole numbers from 0 to 127, velocities from 1 to 127.

    Raises:
        ValueError: if the values do not have this form.
    """

    name: str
    program: int
    drums: bool
    notes: Floats  # (notes, 4)

    def __post_init__(self) -> None:
        notes = self.notes
        if notes.ndim != 2 or notes.shape[1] != 4 or notes.dtype != np.float64:
            raise ValueError(f"{self.name}: notes must be float64 of shape (n, 4), not {notes.shape}")
        if not 0 <= self.program <= 127:
            raise ValueError(f"{self.name}: program must be in 0..127, not {self.program}")
        if len(notes) == 0:
            return
        if not np.isfinite(notes).all() or np.any(np.diff(notes[:, ONSET]) < 0):
            raise ValueError(f"{self.name}: notes must be finite and sorted by onset")
        if np.any(notes[:, OFFSET] <= notes[:, ONSET]):
            raise ValueError(f"{self.name}: a note ends before it begins")
        lowest, highest = notes[:, PITCH:].min(axis=0), notes[:, PITCH:].max(axis=0)
        if lowest[0] < 0 or lowest[1] < 1 or highest.max() > 127:
            raise ValueError(f"{self.name}: pitches must be in 0..127 and velocities in 1..127")

    @property
    def crisp(self) -> bool:
        """Whether its attacks are sharp, as those of drums and of struck and plucked instruments."""
        return self.drums or self.program in _CRISP_PROGRAMS


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A piece of music with its felt beats.

    A felt beat is a beat at which a listener taps: a bar of 6/8 has two (dotted quarters), 9/8 three, 12/8
    four, 7/8 three unequal ones (2 + 2 + 3 eighths), and 2/2 two half notes.

    Attributes:
        id: name, unique within a source and seed; letters, digits, '.', '_' and '-'.
        source: source of the piece.
        licence: licence of the work.
        genre: genre label, "" if unknown.
        group: equal for pieces that must be on the same side of a split, such as those of one song.
        metre: metre as written, such as "4/4" or "6/8".
        parts: the parts.
        beats: beat times in seconds, strictly increasing, shape (beats,).
        positions: position of each beat in its bar, 1 = downbeat, shape (beats,).
        bars_known: whether the positions are reliable; if not, they are not annotated.
        own_sound: whether tempo and instruments are those of a real song and should change little.
        plain: whether to play the piece as written, without adding, dropping or muting parts.

    Raises:
        ValueError: if the values do not have this form.
    """

    id: str
    source: SourceName
    licence: str
    genre: str
    group: str
    metre: str
    parts: tuple[Part, ...]
    beats: Floats  # (beats,)
    positions: Integers  # (beats,)
    bars_known: bool = True
    own_sound: bool = False
    plain: bool = False

    def __post_init__(self) -> None:
        if self.beats.ndim != 1 or self.beats.shape != self.positions.shape or len(self.beats) < 2:
            raise ValueError(f"{self.id}: must have at least two beats and a position for each")
        if not np.isfinite(self.beats).all() or np.any(np.diff(self.beats) <= 0):
            raise ValueError(f"{self.id}: beats must be finite and strictly increasing")
        if self.positions.min() < 1:
            raise ValueError(f"{self.id}: positions must be at least 1")

    @property
    def bpm(self) -> float:
        """Median tempo of the felt beats in BPM."""
        return float(60.0 / np.median(np.diff(self.beats)))

    @property
    def end(self) -> float:
        """Time in seconds at which the last note ends; 0 without notes."""
        return max(
            (float(part.notes[:, OFFSET].max()) for part in self.parts if len(part.notes)), default=0.0
        )

    @property
    def downbeats(self) -> Floats:
        """Times of the downbeats in seconds, shape (bars,)."""
        downbeats: Floats = self.beats[self.positions == 1]
        return downbeats


def notes_array(rows: Sequence[tuple[float, float, float, float]] | Floats) -> Floats:
    """Return rows of onset, offset, pitch and velocity as valid notes: sorted, rounded and in range."""
    notes = np.asarray(rows, dtype=np.float64).reshape(-1, 4)
    notes = notes[np.argsort(notes[:, ONSET], kind="stable")]
    pitches = np.clip(np.rint(notes[:, PITCH]), 0, 127)
    velocities = np.clip(np.rint(notes[:, VELOCITY]), 1, 127)
    offsets = np.maximum(notes[:, OFFSET], notes[:, ONSET] + 0.02)  # notes below 20 ms sound as clicks
    return np.column_stack((notes[:, ONSET], offsets, pitches, velocities))


def onsets_of(parts: Sequence[Part]) -> Floats:
    """Return all onsets of the parts in seconds, sorted, (notes,)."""
    return np.sort(np.concatenate([np.empty(0), *(part.notes[:, ONSET] for part in parts)]))


def require_rhythm(piece: Piece, *, notes_per_beat: float = 1.0) -> Piece:
    """Return a piece if it has enough notes to follow the beat.

    Args:
        piece: piece to check.
        notes_per_beat: least average number of distinct onsets per beat.

    Raises:
        RejectedPiece: if it has fewer onsets, or more than eight beats in a row without any.
    """
    onsets = onsets_of(piece.parts)
    inside = onsets[(onsets > piece.beats[0] - 0.05) & (onsets < piece.beats[-1] + 0.05)]
    distinct = 1 + int(np.count_nonzero(np.diff(inside) > 0.03)) if len(inside) else 0
    if distinct < notes_per_beat * len(piece.beats):
        raise RejectedPiece("fewer than one note per beat")
    if np.max(np.diff(inside), initial=0.0) > 8 * 60.0 / piece.bpm:
        raise RejectedPiece("silent for more than eight beats")
    return piece
