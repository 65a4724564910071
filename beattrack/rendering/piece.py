"""A piece of music as notes in seconds with its exact beats: what sources give and the synthesis takes."""

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

# General MIDI families that speak at once (piano, mallets, organ, plucked strings, bass, synth lead), in
# contrast to bowed strings, voices, brass, reeds, pipes and pads, which swell for up to 75 ms.
_CRISP_PROGRAMS = frozenset(
    (*range(20), *range(24, 40), 45, 46, 47, *range(80, 88), *range(104, 109), *range(112, 119))
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The notes of one instrument.

    name: free text, for the record.
    program: General MIDI program, 0..127; for drums the drum kit (0 is the standard one).
    drums: the pitches name drums of the General MIDI percussion map.
    notes: (n, 4) rows of onset s, offset s, MIDI pitch, velocity, sorted by onset; pitches and velocities are
        whole numbers from 0 and 1 to 127.

    Raises ValueError for arrays that are not so.
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
            raise ValueError(f"{self.name}: program {self.program} is not in 0..127")
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
        """Whether its onsets are heard where they are written: drums, struck and plucked instruments."""
        return self.drums or self.program in _CRISP_PROGRAMS


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Parts and their felt beats.

    A felt beat is what a listener taps: 6/8 has 2 (dotted quarters), 9/8 has 3, 12/8 has 4, 7/8 has 3 unequal
    ones (2 + 2 + 3 eighths), 2/2 has 2 half notes.

    id: unique within the source for all that was drawn with one seed; letters, digits, '.', '_' and '-'.
    source, licence, genre ("" where unknown): for the record and the balance of training.
    group: pieces of one group (a song, a groove library) must stay on one side of a split.
    metre: as written, "4/4", "6/8".
    beats: (n,) seconds, strictly increasing.
    positions: (n,) place of each beat in its bar, 1 = downbeat.
    bars_known: whether the positions may be learned; if not, they only count and are not annotated.
    plain: whether it is played as written, without parts that are added, dropped or silenced.
    own_sound: whether tempo and instruments are those of a real song; a performance changes them little.

    Raises ValueError for arrays that are not so.
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
            raise ValueError(f"{self.id}: needs at least two beats and one position for each")
        if not np.isfinite(self.beats).all() or np.any(np.diff(self.beats) <= 0):
            raise ValueError(f"{self.id}: beats must be finite and strictly increasing")
        if self.positions.min() < 1:
            raise ValueError(f"{self.id}: positions count from 1")

    @property
    def bpm(self) -> float:
        """Median tempo of the felt beats."""
        return float(60.0 / np.median(np.diff(self.beats)))

    @property
    def end(self) -> float:
        """Seconds at which the last note ends, 0 without notes."""
        return max(
            (float(part.notes[:, OFFSET].max()) for part in self.parts if len(part.notes)), default=0.0
        )

    @property
    def downbeats(self) -> Floats:
        """Times of the first beats of bars. (bars,)"""
        downbeats: Floats = self.beats[self.positions == 1]
        return downbeats


def notes_array(rows: Sequence[tuple[float, float, float, float]] | Floats) -> Floats:
    """Rows of (onset, offset, pitch, velocity) as a valid note array: sorted, whole and in range."""
    notes = np.asarray(rows, dtype=np.float64).reshape(-1, 4)
    notes = notes[np.argsort(notes[:, ONSET], kind="stable")]
    pitches = np.clip(np.rint(notes[:, PITCH]), 0, 127)
    velocities = np.clip(np.rint(notes[:, VELOCITY]), 1, 127)
    offsets = np.maximum(notes[:, OFFSET], notes[:, ONSET] + 0.02)  # shorter than 20 ms is a click
    return np.column_stack((notes[:, ONSET], offsets, pitches, velocities))


def onsets_of(parts: Sequence[Part]) -> Floats:
    """All onsets of the parts, sorted. (notes,)"""
    return np.sort(np.concatenate([np.empty(0), *(part.notes[:, ONSET] for part in parts)]))


def require_rhythm(piece: Piece, *, notes_per_beat: float = 1.0) -> Piece:
    """Give the piece back if it has content enough to follow the beat.

    Raises RejectedPiece with fewer distinct onsets than `notes_per_beat` per beat on average, or with a
    stretch of more than eight beats without any.
    """
    onsets = onsets_of(piece.parts)
    inside = onsets[(onsets > piece.beats[0] - 0.05) & (onsets < piece.beats[-1] + 0.05)]
    distinct = 1 + int(np.count_nonzero(np.diff(inside) > 0.03)) if len(inside) else 0
    if distinct < notes_per_beat * len(piece.beats):
        raise RejectedPiece("fewer than one note per beat")
    if np.max(np.diff(inside), initial=0.0) > 8 * 60.0 / piece.bpm:
        raise RejectedPiece("silent for more than eight beats")
    return piece
