"""Drums played by people: the Groove MIDI Dataset (CC BY 4.0), alone or with a generated band.

Gillick et al., "Learning to Groove with Inverse Sequence Transformations", ICML 2019.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.ensemble import accompany
from beattrack.rendering.composing.grid import Grid, make_bars
from beattrack.rendering.composing.harmony import song_form
from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.metre import METRES, Metre
from beattrack.rendering.midi import MidiScore, read_midi, require_mido
from beattrack.rendering.piece import OFFSET, ONSET, PITCH, Floats, Part, Piece, notes_array, require_rhythm
from beattrack.rendering.sources.archive import archive_path, read_archive

LICENCE = "CC BY 4.0 (Groove MIDI Dataset, Google LLC)"

_NAME = re.compile(
    r"groove/(?P<drummer>\w+)/(?P<session>\w+)/(?P<number>\d+)_(?P<style>[\w-]+)_(?P<bpm>\d+)_beat_"
    r"(?P<upper>\d+)-(?P<lower>\d+)\.mid"
)
# The grid of takes in 6/8 and 5/8 does not fit the notes; the other two are not in the metre of their names.
_LEFT_OUT = re.compile(r"_beat_[65]-8|chacarera_157_beat_3-4|jazz_200_beat_3-4")
_SHORTEST = 12.0  # seconds of playing
_FASTEST = 165.0  # felt beats per minute

# Pads of the electronic kit that are not in the General MIDI map, or have another meaning there.
_GENERAL_MIDI = {22: 42, 26: 46, 40: 38, 58: 43, 55: 49, 23: 44}

# Pattern for the style in a file name, genre label, and styles of bands that fit.
_GENRES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("^reggae", "reggae", ("reggae",)),
    ("hiphop|breakbeat", "hiphop", ("hip hop", "trap", "funk")),
    ("disco|dance", "disco", ("disco", "house")),
    ("shuffle|blues", "blues", ("shuffle",)),
    ("funk|neworleans", "funk", ("funk", "soul")),
    ("soul|gospel", "soul", ("soul", "pop", "funk")),
    ("jazz", "jazz", ("swing", "bossa")),
    ("latin|afro|highlife|middleeastern", "latin", ("latin", "reggaeton", "funk")),
    ("country|folk|rockabilly", "country", ("country", "train beat")),
    ("punk", "punk", ("rock", "metal")),
    ("rock", "rock", ("rock", "rock", "slow rock", "metal", "pop")),
    ("", "pop", ("pop", "rock")),
)
# Genres in which the bass drum must be on the downbeat.
_ROOTED = frozenset(("hiphop", "disco", "blues", "funk", "soul", "country", "punk", "rock", "pop"))


@dataclass(frozen=True)
class _Take:
    """One take: its name in the archive and the information in that name."""

    name: str
    drummer: str
    session: str
    style: str
    bpm: float
    metre: Metre

    @property
    def genre(self) -> tuple[str, tuple[str, ...]]:
        return next((genre, bands) for pattern, genre, bands in _GENRES if re.search(pattern, self.style))

    @property
    def in_two(self) -> bool:
        """Whether the backbeat is on the third beat of four, so that half notes are the felt beats."""
        slow = re.search("halftime|^reggae", self.style) is not None
        return slow and self.bpm > 105 and len(self.metre.beats) == 4


class GrooveSource:
    """Takes of the Groove MIDI Dataset. `symbolic` is the folder of its archive."""

    def __init__(self, symbolic: Path | None) -> None:
        self._symbolic = symbolic

    def check(self) -> None:
        """Raise RenderError if the archive is missing, MissingExtraError if mido is."""
        require_mido()
        archive_path(self._symbolic, "groove")

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        return read_archive(archive_path(self._symbolic, "groove"))

    @cached_property
    def _takes(self) -> tuple[_Take, ...]:
        takes = (_take(name) for name in self._contents if not _LEFT_OUT.search(name))
        return tuple(take for take in takes if take is not None)

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random excerpt of a take, repeated if it is short, mostly with a generated band.

        Raises:
            RejectedPiece: if the take is too short, its beats are doubtful or it is too fast.
        """
        styles = np.array([take.genre[0] for take in self._takes])
        weights = np.array([1.0 / np.sqrt(np.count_nonzero(styles == style)) for style in styles])
        take = self._takes[int(rng.choice(len(weights), p=weights / weights.sum()))]
        if take.bpm > _FASTEST and not take.in_two:
            raise RejectedPiece("too fast")
        drums, beat = _played(read_midi(self._contents[take.name]), take)
        beat *= float(np.exp(rng.normal(0, 0.05)))
        grid, drums = _stretch(rng, take, drums, beat, seconds)
        piece = _piece(rng, take, grid, drums)
        return require_rhythm(piece)


def _take(name: str) -> _Take | None:
    match = _NAME.fullmatch(name)
    metre = METRES.get(f"{match['upper']}/{match['lower']}") if match else None
    if match is None or metre is None:
        return None
    return _Take(name, match["drummer"], match["session"], match["style"], float(match["bpm"]), metre)


def _played(score: MidiScore, take: _Take) -> tuple[Floats, float]:
    """Return the notes with times in beats from the first bar line, (notes, 4), and the beat in seconds.

    Drummers tend to play a little before or after the click; the median of this deviation is removed.
    """
    notes = np.concatenate([np.empty((0, 4)), *(part.notes for part in score.parts)])
    if len(notes) < 20 or len(score.tempi) > 1:
        raise RejectedPiece("take too short or with tempo changes")
    notes = notes[np.argsort(notes[:, ONSET], kind="stable")].copy()
    notes[:, PITCH] = [_GENERAL_MIDI.get(int(pitch), pitch) for pitch in notes[:, PITCH]]
    notes[:, : OFFSET + 1] /= score.ticks_per_quarter
    beat = float(score.tempi[-1, 1]) * 1e-6
    if (notes[-1, ONSET] - notes[0, ONSET]) * beat < _SHORTEST:
        raise RejectedPiece("take too short or with tempo changes")
    deviation = notes[:, ONSET] - np.rint(notes[:, ONSET])
    near = np.abs(deviation) < 0.12
    if np.count_nonzero(near) < 0.2 * len(notes):
        raise RejectedPiece("take does not follow its grid")
    notes[:, : OFFSET + 1] -= np.median(deviation[near])
    if take.genre[0] in _ROOTED and not _rooted(notes, len(take.metre.beats)):
        raise RejectedPiece("bass drum contradicts the downbeats")
    return notes, beat


def _rooted(notes: Floats, length: int) -> bool:
    """Return whether the bass drum is on downbeats about as often as on any other beat."""
    kicks = notes[np.isin(notes[:, PITCH], (35, 36)), ONSET]
    on_beat = kicks[np.abs(kicks - np.rint(kicks)) < 0.15]
    counts = np.bincount(np.rint(on_beat).astype(np.int64) % length, minlength=length)
    return bool(counts[0] >= 0.7 * counts.max() and counts[0] > 0)


def _stretch(
    rng: np.random.Generator, take: _Take, drums: Floats, beat: float, seconds: float
) -> tuple[Grid, Floats]:
    """Return a grid of about `seconds` and drums with times in beats, (notes, 4), repeated if necessary."""
    length = len(take.metre.beats)
    first = int(np.ceil((drums[0, ONSET] - 0.2) / length))
    bars = int(np.floor((drums[-1, ONSET] + 0.3) / length)) - first
    wanted = int(np.ceil(seconds / (length * beat)))
    if bars < 4:
        raise RejectedPiece("take too short or with tempo changes")
    if bars > wanted:
        first += int(rng.integers(bars - wanted + 1))
        bars = wanted
    start, span = first * length, bars * length
    inside = drums[(drums[:, ONSET] >= start - 0.2) & (drums[:, ONSET] < start + span - 0.2)]
    repeats = max(1, round(wanted / bars))
    shifts = [np.array([round_ * span - start] * 2 + [0, 0], dtype=np.float64) for round_ in range(repeats)]
    rows = [inside + shift for shift in shifts]
    style = song_form(rng, "pop", bars * repeats)
    times = np.arange(span * repeats + 1, dtype=np.float64) * beat
    grid = Grid(times, make_bars(style, [take.metre.divisions] * (bars * repeats)))
    return grid, np.concatenate(rows)


def _swing(drums: Floats) -> float:
    """Return the swing of the drummer, from 0.5 (straight) to 0.67, for the band."""
    phase = drums[:, ONSET] - np.floor(drums[:, ONSET])
    off = phase[(phase > 0.42) & (phase < 0.72)]
    return float(np.clip(np.median(off), 0.5, 0.67)) if len(off) > 8 and np.median(off) > 0.55 else 0.5


def _piece(rng: np.random.Generator, take: _Take, grid: Grid, drums: Floats) -> Piece:
    genre, bands = take.genre
    part = _drum_part(grid, drums)
    parts: tuple[Part, ...] = (part,)
    if rng.random() < 0.75:
        name = str(rng.choice(bands))
        style = next(style for style in STYLES if style.name == name)
        parts = (part, *_band(rng, grid, drums, style))
    beats, positions, metre = grid.beats, grid.positions, take.metre.name
    if take.in_two:
        odd = positions % 2 == 1
        beats, positions, metre = beats[odd], (positions[odd] + 1) // 2, "2/2"
    return Piece(
        id=f"groove-{Path(take.name).stem}-{take.drummer}-{take.session}-{int(rng.integers(2**32)):08x}",
        source="groove",
        licence=LICENCE,
        genre=genre,
        group=f"groove-{take.drummer}-{take.session}",
        metre=metre,
        parts=parts,
        beats=beats,
        positions=positions,
    )


def _drum_part(grid: Grid, drums: Floats) -> Part:
    """Return the drums with times in seconds; strokes just before the first beat are moved to 0."""
    rows = drums.copy()
    step = float(grid.times[1] - grid.times[0])
    rows[:, : OFFSET + 1] *= step
    rows[:, ONSET] = np.maximum(rows[:, ONSET], 0.0)
    return Part(name="drums", program=0, drums=True, notes=notes_array(rows))


def _band(rng: np.random.Generator, grid: Grid, drums: Floats, style: BandStyle) -> tuple[Part, ...]:
    """Return bass, chords and lead in a style, with the swing of the drummer."""
    bars = len(grid.bars)
    sections = song_form(rng, style.idioms[int(rng.integers(len(style.idioms)))], bars)
    own = Grid(grid.times, make_bars(sections, [bar.divisions for bar in grid.bars]), _swing(drums))
    kicks = drums[np.isin(drums[:, PITCH], (35, 36)), ONSET]
    return accompany(rng, own, style, kicks=kicks)
