"""Folk tunes of the Nottingham database (GPL-3) with a generated folk band, at the tempi of their dances.

E. Foxley's collection, in the cleaned ABC edition by J. Allwright, as MIDI files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from beattrack.rendering.composing.accompaniment import BassKind, CompKind
from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.drummer import Kits
from beattrack.rendering.composing.ensemble import Backing, back
from beattrack.rendering.composing.grid import Grid, make_bars
from beattrack.rendering.composing.harmony import Chord, Section
from beattrack.rendering.composing.tempi import draw_bpm
from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.evidence import leads
from beattrack.rendering.metre import METRES, Metre
from beattrack.rendering.midi import MidiScore, read_midi, require_mido
from beattrack.rendering.piece import (
    OFFSET,
    ONSET,
    PITCH,
    VELOCITY,
    Floats,
    Part,
    Piece,
    notes_array,
    require_rhythm,
)
from beattrack.rendering.sources.archive import archive_path, read_archive

LICENCE = "GPL-3 (Nottingham folk tunes, ABC edition)"

_MELODY = (40, 73, 21, 22, 110, 72, 74, 105, 109, 71, 24, 15, 46, 52, 0, 75)
_CHORDS = (24, 25, 21, 0, 46, 105, 6, 20)


@dataclass(frozen=True)
class _Dance:
    """Felt metre and tempo of tunes by file name and written metre.

    Attributes:
        files: start of the file name, "" for any.
        written: written metre.
        felt: felt metre.
        grid: metre of the band's patterns.
        slowest: slowest tempo in felt beats per minute.
        fastest: fastest tempo in felt beats per minute.
        weight: relative frequency.
    """

    files: str
    written: str
    felt: str
    grid: str
    slowest: float
    fastest: float
    weight: float = 1.0


# Reels in 4/4 are felt in half notes; slow ones, and hornpipes, in quarters. Jigs, slip jigs and polkas are
# at the tempi of dancers; airs in 6/8 are about half as fast as jigs.
_DANCES: tuple[_Dance, ...] = (
    _Dance("reels", "4/4", "2/2", "2/4", 96, 122, 1.7),
    _Dance("reels", "4/4", "4/4", "4/4", 104, 152),
    _Dance("hpps", "4/4", "4/4", "4/4", 104, 160),
    _Dance("", "4/4", "4/4", "4/4", 84, 138),
    _Dance("jigs", "6/8", "6/8", "6/8", 100, 128, 3.0),
    _Dance("jigs", "6/8", "6/8", "6/8", 54, 80, 0.6),
    _Dance("", "6/8", "6/8", "6/8", 84, 122),
    _Dance("", "9/8", "9/8", "9/8", 100, 130),
    _Dance("", "3/4", "3/4", "3/4", 108, 168),
    _Dance("", "2/4", "2/4", "2/4", 100, 134),
    _Dance("", "2/2", "2/2", "2/4", 84, 116),
)

_BASSES: tuple[BassKind, ...] = ("quarters", "fifths", "long")
_COMPS: tuple[CompKind, ...] = ("oompah", "eighths", "quarters", "arpeggio", "skank", "pad")
_BAND = BandStyle(
    name="folk",
    genre="folk",
    slowest=50,
    fastest=165,
    metres={"4/4": 1.0},
    idioms=("folk",),
    kits=Kits("train", "waltz", "lively"),
    basses=_BASSES,
    comps=_COMPS,
    bass_programs=(32, 43, 33, 42),
    chords=_CHORDS,
    leads=_MELODY,
    drum_kits=(0, 40),
)
_KITS = ("train", "country", "percussion", "march")


class NottinghamSource:
    """Tunes of the Nottingham database. `symbolic` is the folder of its archive."""

    def __init__(self, symbolic: Path | None) -> None:
        self._symbolic = symbolic

    def check(self) -> None:
        """Raise RenderError if the archive is missing, MissingExtraError if mido is."""
        require_mido()
        archive_path(self._symbolic, "nottingham")

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        contents = read_archive(archive_path(self._symbolic, "nottingham"))
        return {name: content for name, content in contents.items() if name.endswith(".mid")}

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random tune, repeated to about `seconds`.

        Raises:
            RejectedPiece: if the metre changes or is ambiguous, or the harmony contradicts the bars.
        """
        names = list(self._contents)
        name = names[int(rng.integers(len(names)))]
        score = read_midi(self._contents[name])
        dance = _dance(rng, Path(name).stem, score)
        written = METRES[dance.written]
        tune = _tune(score, written)
        felt = METRES[dance.felt]
        bpm = draw_bpm(rng, dance.slowest, dance.fastest)
        quarter = 60.0 / bpm / felt.beats[0]
        tune = tune.repeated(
            max(1, round(seconds / (len(tune.bars) * tune.length * quarter))), seconds / quarter
        )
        swing = float(rng.uniform(0.56, 0.66)) if "hpps" in name or rng.random() < 0.1 else 0.5
        times = _beat_times(felt, len(tune.bars), quarter)
        swing = swing if set(felt.beats) == {1} else 0.5
        grid = Grid(times, make_bars(tune.sections(), [METRES[dance.grid].divisions] * len(tune.bars)), swing)
        return require_rhythm(
            Piece(
                id=f"nottingham-{Path(name).stem}-{int(rng.integers(2**32)):08x}",
                source="nottingham",
                licence=LICENCE,
                genre="folk",
                group=f"nottingham-{Path(name).stem}",
                metre=dance.felt,
                parts=_parts(rng, grid, tune, felt, quarter),
                beats=grid.beats,
                positions=grid.positions,
            ),
            notes_per_beat=0.9,
        )


@dataclass(frozen=True, eq=False)
class _Tune:
    """A melody with times in quarters from the first bar line, (notes, 4), and one or two chords per bar."""

    melody: Floats
    bars: tuple[tuple[Chord, ...], ...]
    length: float  # quarters per bar

    def repeated(self, times: int, most: float) -> _Tune:
        """Return the tune repeated, but at most about `most` quarters in whole bars."""
        count = min(len(self.bars) * times, max(8, int(np.ceil(most / self.length))))
        span = len(self.bars) * self.length
        shifts = [np.array([k * span, k * span, 0, 0]) for k in range(times)]
        melody = np.concatenate([self.melody + shift for shift in shifts])
        kept = melody[melody[:, ONSET] < count * self.length - 0.1]
        return _Tune(kept, (self.bars * times)[:count], self.length)

    def sections(self) -> tuple[Section, ...]:
        """Return the harmony in sections of eight bars."""
        starts = range(0, len(self.bars), 8)
        return tuple(Section("AABB"[k % 4], self.bars[start : start + 8]) for k, start in enumerate(starts))


def _dance(rng: np.random.Generator, stem: str, score: MidiScore) -> _Dance:
    if len(score.signatures) != 1 or score.signatures[0][0] != 0 or len(score.parts) != 2:
        raise RejectedPiece("changing metre or no chords")
    written = f"{score.signatures[0][1]}/{score.signatures[0][2]}"
    own = [d for d in _DANCES if d.written == written and d.files and stem.startswith(d.files)]
    fitting = own or [d for d in _DANCES if d.written == written and not d.files]
    if not fitting:
        raise RejectedPiece("ambiguous metre")
    weights = np.array([dance.weight for dance in fitting])
    return fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))]


def _tune(score: MidiScore, metre: Metre) -> _Tune:
    """Return the tune from its first full bar on; raise RejectedPiece if the harmony contradicts the bars."""
    melody = score.parts[0].notes.copy()
    chords = score.parts[1].notes.copy()
    melody[:, : OFFSET + 1] /= score.ticks_per_quarter
    chords[:, : OFFSET + 1] /= score.ticks_per_quarter
    length = metre.quarters
    first = int(np.floor(chords[0, ONSET] / length + 1e-6))
    count = int(np.floor(max(melody[-1, OFFSET], chords[-1, OFFSET]) / length + 0.1)) - first
    if count < 8:
        raise RejectedPiece("shorter than eight bars")
    onsets = np.unique(chords[:, ONSET])
    places = np.rint((onsets % length) / length * 2 * len(metre.beats)).astype(np.int64) % (
        2 * len(metre.beats)
    )
    counts = np.bincount(places, minlength=2 * len(metre.beats)).astype(np.float64)
    if not leads(counts, share=1.0) or counts[0] < 0.45 * counts.sum():
        raise RejectedPiece("harmony contradicts the bars")
    bars, chord = [], _chord(chords, onsets[0])
    for bar in range(first, first + count):
        begin, middle = bar * length, bar * length + sum(metre.beats[: (len(metre.beats) + 1) // 2])
        opening = chord = _latest(chords, onsets, begin) or chord
        chord = _latest(chords, onsets, middle) or chord
        bars.append((opening,) if opening == chord else (opening, chord))
    melody = melody[(melody[:, ONSET] > first * length - 0.6) & (melody[:, ONSET] < (first + count) * length)]
    melody[:, : OFFSET + 1] -= first * length
    return _Tune(melody, tuple(bars), length)


def _latest(chords: Floats, onsets: Floats, time: float) -> Chord | None:
    index = int(np.searchsorted(onsets, time + 0.05)) - 1
    return _chord(chords, onsets[index]) if index >= 0 else None


def _chord(chords: Floats, onset: float) -> Chord:
    """Return the chord at an onset; its lowest note is the root."""
    pitches = chords[chords[:, ONSET] == onset, PITCH]
    root = int(pitches.min())
    above = {int(pitch - root) % 12 for pitch in pitches}
    minor, seventh = 3 in above and 4 not in above, 10 in above
    return Chord(root % 12, ("m" if minor else "") + ("7" if seventh else ""))


def _beat_times(metre: Metre, bars: int, quarter: float) -> Floats:
    """Return the times of all beats, and of the end, in seconds, (beats + 1,)."""
    lengths = np.tile(np.array(metre.beats, dtype=np.float64), bars) * quarter
    return np.concatenate(([0.0], np.cumsum(lengths)))


def _parts(
    rng: np.random.Generator, grid: Grid, tune: _Tune, felt: Metre, quarter: float
) -> tuple[Part, ...]:
    """Return one or two melody instruments and the band."""
    shift = int(rng.integers(-5, 6))
    parts = [_melody(rng, grid, tune, felt, shift)]
    if rng.random() < 0.35:
        parts.append(_melody(rng, grid, tune, felt, shift + int(rng.choice([0, 12, -12]))))
    harmony = [
        Section(section.letter, tuple(tuple(_moved(chord, shift) for chord in bar) for bar in section.bars))
        for section in tune.sections()
    ]
    own = Grid(grid.times, make_bars(harmony, [bar.divisions for bar in grid.bars]), grid.swing)
    kits = Kits(str(rng.choice(_KITS)), _BAND.kits.three, _BAND.kits.compound)
    style = BandStyle(**{**vars(_BAND), "kits": kits})
    chords = back(rng, own, style, Backing(drums=0.5, bass=0.7, chords=0.9, lead=0.0))
    return (*parts, *chords)


def _moved(chord: Chord, semitones: int) -> Chord:
    return Chord((chord.root + semitones) % 12, chord.quality)


def _melody(rng: np.random.Generator, grid: Grid, tune: _Tune, felt: Metre, shift: int) -> Part:
    """Return the tune on a random instrument, with accents on beats and bar lines."""
    rows = tune.melody.copy()
    unit = felt.beats[0]
    beats = rows[:, ONSET] / unit
    on_beat = np.abs(beats - np.rint(beats)) < 0.02
    on_bar = np.abs(rows[:, ONSET] / tune.length - np.rint(rows[:, ONSET] / tune.length)) < 0.02
    rows[:, VELOCITY] = 84 + 8 * on_beat + 8 * on_bar + rng.normal(0, 5, len(rows))
    rows[:, PITCH] = np.clip(rows[:, PITCH] + shift, 36, 100)
    length = float(rng.uniform(0.7, 1.0))
    ends = rows[:, ONSET] + length * (rows[:, OFFSET] - rows[:, ONSET])
    starts = np.maximum(grid.seconds(beats), 0.0)
    notes = np.column_stack((starts, grid.seconds(ends / unit), rows[:, PITCH], rows[:, VELOCITY]))
    program = int(rng.choice(_MELODY))
    return Part(name="melody", program=program, drums=False, notes=notes_array(notes[starts >= 0.0]))
