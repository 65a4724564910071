"""Pop songs (piano, melody and bridge) from POP909 (MIT), with generated drums, bass and chords.

The beats are from `beat_midi.txt`, whose third column marks downbeats; the time signatures of the MIDI files
are wrong.

Wang et al., "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR 2020.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.composing.band_style import BRASS, LEADS, PIANOS, PLUCKED, STRINGS, VOCAL, BandStyle
from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.ensemble import Backing, back
from beattrack.rendering.composing.grid import Grid, make_bars
from beattrack.rendering.composing.harmony import Chord, Section
from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.evidence import leads, low_notes, on_beat_share, rates
from beattrack.rendering.metre import METRES
from beattrack.rendering.midi import read_midi, require_mido
from beattrack.rendering.piece import OFFSET, ONSET, PITCH, Floats, Part, Piece, require_rhythm
from beattrack.rendering.sources.archive import archive_path, read_archive

LICENCE = "MIT (POP909)"

_SLOWEST, _FASTEST = 48.0, 165.0
_PROGRAMS: dict[str, tuple[int, ...]] = {
    "MELODY": (*VOCAL, *LEADS, *BRASS, 0, 24, 26),
    "BRIDGE": (*STRINGS, *PLUCKED, *VOCAL, *PIANOS, 11, 24, 27),
    "PIANO": (*PIANOS, *PIANOS, 24, 25, 26, 46, 48, 6, 16),
}
_GENRES = frozenset(
    ("pop", "rock", "ballad", "hiphop", "soul", "dance", "disco", "reggae", "funk", "country")
)
_ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES = {
    "min": "m",
    "min7": "m7",
    "maj7": "M7",
    "7": "7",
    "sus4": "sus4",
    "sus4(b7)": "sus4",
    "maj6": "6",
}
_QUALITIES |= {"min6": "m6", "dim": "dim7", "dim7": "dim7", "hdim7": "m7b5"}


@dataclass(frozen=True, eq=False)
class _Song:
    """Beat times of one song, (beats,), whether they are downbeats, and chords (start, end, chord)."""

    number: str
    beats: Floats
    downbeats: NDArray[np.bool_]
    chords: tuple[tuple[float, float, Chord | None], ...]


class Pop909Source:
    """Songs of POP909. `symbolic` is the folder of its archive."""

    def __init__(self, symbolic: Path | None) -> None:
        self._symbolic = symbolic

    def check(self) -> None:
        """Raise RenderError if the archive is missing, MissingExtraError if mido is."""
        require_mido()
        archive_path(self._symbolic, "pop909")

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        return read_archive(archive_path(self._symbolic, "pop909"))

    @cached_property
    def _numbers(self) -> tuple[str, ...]:
        return tuple(
            sorted({match[1] for name in self._contents if (match := re.match(r"pop909/(\d+)/", name))})
        )

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random excerpt of a song, in bars of equal length.

        Raises:
            RejectedPiece: if bars are irregular, harmony or bass contradict the downbeats, or the tempo is
                out of range.
        """
        song = self._song(self._numbers[int(rng.integers(len(self._numbers)))])
        first, last = _regular_stretch(rng, song, seconds)
        scale = float(np.exp(rng.normal(0, 0.08)))
        start = song.beats[first]
        times = (song.beats[first : last + 1] - start) * scale
        length = int(song.downbeats[first + 1 : last + 1].argmax()) + 1
        bpm = 60.0 / float(np.median(np.diff(times)))
        if not _SLOWEST <= bpm <= _FASTEST:
            raise RejectedPiece("tempo out of range")
        grid = Grid(
            times, make_bars(_sections(rng, song, first, last, length), _divisions(first, last, length))
        )
        score = read_midi(self._contents[f"pop909/{song.number}/{song.number}.mid"])
        played = _played(rng, score.parts_in_seconds(), float(start), float(song.beats[last]), scale)
        style = _style(rng, bpm, f"{length}/4")
        drummed = float(rng.random() < 0.75)
        added = back(rng, grid, style, Backing(drums=drummed, bass=0.5 + 0.4 * drummed, chords=0.5, lead=0.0))
        piece = Piece(
            id=f"pop909-{song.number}-{int(rng.integers(2**32)):08x}",
            source="pop909",
            licence=LICENCE,
            genre=style.genre if drummed else "pop",
            group=f"pop909-{song.number}",
            metre=f"{length}/4",
            parts=tuple(played),
            beats=grid.beats,
            positions=grid.positions,
        )
        low = rates(piece, low_notes(piece.parts))
        if on_beat_share(piece) < 0.45 or (low.max() > 0.3 and not leads(low)):
            raise RejectedPiece("bass contradicts the downbeats")
        return require_rhythm(replace(piece, parts=(*played, *added)))

    def _song(self, number: str) -> _Song:
        table = _table(self._contents[f"pop909/{number}/beat_midi.txt"])
        beats = np.array([float(row[0]) for row in table])
        if len(beats) < 17 or np.any(np.diff(beats) <= 0):
            raise RejectedPiece("beats out of order")
        chords = _table(self._contents[f"pop909/{number}/chord_midi.txt"])
        downbeats = np.array([float(row[2]) > 0 for row in table])
        parsed = tuple((float(row[0]), float(row[1]), _chord(row[2])) for row in chords)
        song = _Song(number, beats, downbeats, parsed)
        if not _rooted(song):
            raise RejectedPiece("harmony contradicts the downbeats")
        return song


def _table(content: bytes) -> list[list[str]]:
    return [line.split() for line in content.decode("utf-8").splitlines() if line.strip()]


def _chord(label: str) -> Chord | None:
    """Return the chord of a label such as "Bb:min7/b7"; None for "N"."""
    match = re.fullmatch(r"([A-G])([b#]?)(?::([^/]*))?(?:/.*)?", label)
    if match is None:
        return None
    root = _ROOTS[match[1]] + {"b": -1, "#": 1, "": 0}[match[2]]
    return Chord(root % 12, _QUALITIES.get(match[3] or "", ""))


def _rooted(song: _Song) -> bool:
    """Return whether chords change on downbeats more often than on any other beat."""
    starts = np.array([start for start, _, chord in song.chords if chord is not None])
    if len(starts) < 8:
        return False
    nearest = np.abs(starts[:, None] - song.beats[None, :]).argmin(axis=1)
    bar = np.cumsum(song.downbeats)
    begin = np.maximum.accumulate(np.where(song.downbeats, np.arange(len(bar)), 0))
    positions = (np.arange(len(bar)) - begin)[nearest]
    counts = np.bincount(positions[bar[nearest] > 0], minlength=4).astype(np.float64)
    return bool(counts[0] >= 1.1 * counts[1:].max() and counts[0] >= 0.4 * counts.sum())


def _regular_stretch(rng: np.random.Generator, song: _Song, seconds: float) -> tuple[int, int]:
    """Return the first beat and the end of a random excerpt in bars of equal length, of 3 or 4 beats."""
    lines = np.flatnonzero(song.downbeats)
    lengths = np.diff(lines)
    interval = np.diff(song.beats)
    steady = np.array(
        [np.ptp(interval[first:last]) < 0.25 * np.median(interval) for first, last in pairwise(lines)]
    )
    if len(lengths) == 0:
        raise RejectedPiece("no bars")
    wanted = int(np.bincount(lengths).argmax())
    if wanted not in (3, 4):
        raise RejectedPiece("unlikely number of beats per bar")
    good = (lengths == wanted) & steady
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.astype(np.int64), [0]))))
    runs = [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= 8]
    if not runs:
        raise RejectedPiece("number of beats per bar changes")
    sizes = np.array([b - a for a, b in runs], dtype=np.float64)
    first, last = runs[int(rng.choice(len(runs), p=sizes / sizes.sum()))]
    bars = int(np.ceil(seconds / (wanted * float(np.median(interval)))))
    if last - first > bars:
        first += int(rng.integers(last - first - bars + 1))
        last = first + bars
    return int(lines[first]), int(lines[last])


def _divisions(first: int, last: int, length: int) -> list[tuple[int, ...]]:
    return [METRES[f"{length}/4"].divisions] * ((last - first) // length)


def _sections(
    rng: np.random.Generator, song: _Song, first: int, last: int, length: int
) -> tuple[Section, ...]:
    """Return the harmony in sections of eight bars."""
    chord = Chord(0)
    bars: list[tuple[Chord, ...]] = []
    for beat in range(first, last, length):
        middle = song.beats[beat + (length + 1) // 2]
        found = [_sounding(song, float(song.beats[beat]) + 0.1), _sounding(song, float(middle) + 0.1)]
        opening = found[0] or chord
        chord = found[1] or opening
        bars.append((opening,) if opening == chord else (opening, chord))
    letters = rng.permutation(list("ABAB"))
    starts = range(0, len(bars), 8)
    return tuple(
        Section(str(letters[k % 4]), tuple(bars[start : start + 8])) for k, start in enumerate(starts)
    )


def _sounding(song: _Song, time: float) -> Chord | None:
    return next((chord for start, end, chord in song.chords if start <= time < end), None)


def _played(
    rng: np.random.Generator, parts: tuple[Part, ...], start: float, end: float, scale: float
) -> list[Part]:
    """Return the parts of an excerpt with random instruments; some may be left out."""
    chosen = []
    for part in parts:
        programs = _PROGRAMS.get(part.name.upper(), PIANOS)
        program = int(programs[int(rng.integers(len(programs)))])
        inside = (part.notes[:, ONSET] >= start - 0.05) & (part.notes[:, ONSET] < end - 0.05)
        notes = part.notes[inside].copy()
        if len(notes) == 0 or (part.name != "PIANO" and rng.random() < 0.12):
            continue
        notes[:, : OFFSET + 1] = (notes[:, : OFFSET + 1] - start) * scale
        notes[:, ONSET] = np.maximum(notes[:, ONSET], 0.0)
        notes[:, OFFSET] = np.maximum(notes[:, OFFSET], notes[:, ONSET] + 0.02)
        notes[:, PITCH] = np.clip(notes[:, PITCH], 21, 108)
        notes = notes[np.argsort(notes[:, ONSET], kind="stable")]
        chosen.append(Part(name=part.name.lower(), program=program, drums=False, notes=notes))
    return chosen


def _style(rng: np.random.Generator, bpm: float, metre: str) -> BandStyle:
    """Return a random style that fits tempo and metre."""
    fitting = [
        style
        for style in STYLES
        if style.genre in _GENRES
        and metre in style.metres
        and style.slowest * 0.95 <= bpm <= style.fastest * 1.05
    ]
    straight = [style for style in fitting if style.swing[0] <= 0.5] or list(STYLES[:3])
    return straight[int(rng.integers(len(straight)))]
