"""Random songs by MMA (Musical MIDI Accompaniment), a program that plays grooves over chords."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.ensemble import accompany, lead_part
from beattrack.rendering.composing.grid import Grid, make_bars
from beattrack.rendering.composing.harmony import Chord, Section, song_form
from beattrack.rendering.composing.tempi import draw_bpm
from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import every_second, kicks, leads, rates, snares
from beattrack.rendering.metre import METRES, Metre, felt_beats
from beattrack.rendering.midi import MidiScore, read_midi, require_mido
from beattrack.rendering.piece import OFFSET, ONSET, Floats, Part, Piece, require_rhythm
from beattrack.rendering.sources.mma_grooves import Groove, draw_library, read_libraries

LICENCE = "generated (MMA, GPL-2+; its output is free)"
LIBRARY = Path("/usr/share/mma/lib")
TIMEOUT = 60.0  # seconds; a song takes 0.2

# Other metres made from bars of 4/4: MMA bars per written bar, in quarters.
_CUTS: dict[str, tuple[float, ...]] = {
    "2/4": (2.0,),
    "3/4": (3.0,),
    "7/8": (3.5,),
    "5/4": (3.0, 2.0),
    "7/4": (4.0, 3.0),
}
_CUT_WEIGHTS = (0.2, 0.35, 0.15, 0.2, 0.1)
_CUT_SHARE = 0.16
_HALF_TIME = 105.0  # BPM above which a backbeat on the third beat only halves the felt tempo
_BACKBEAT_GENRES = frozenset(
    ("rock", "pop", "metal", "hiphop", "soul", "funk", "ballad", "reggae", "ambient")
)

_ACCOMPANIED = 0.85  # share of drum-machine grooves with a generated band
_LED = 0.45  # share of the others with a generated lead
_SWING = 0.64
_SIXTEENTHS = {
    2: 0.05,
    3: -0.05,
    7: 0.05,
    8: -0.05,
}  # corrections of times rounded to tenths of a quarter
_TRIPLETS = {3: 1 / 3 - 0.3, 7: 2 / 3 - 0.7}


@dataclass(frozen=True)
class _Plan:
    """The random choices made before MMA runs."""

    groove: Groove
    metre: Metre
    cut: tuple[float, ...]  # durations of the MMA bars in a written bar, in quarters
    quarter_bpm: float
    sections: tuple[Section, ...]
    grooves: tuple[Groove, ...]  # one for each section
    odd_bars: frozenset[int]  # numbers of the bars of 4/4 that are cut to 2/4
    seed: int

    @property
    def bars(self) -> int:
        return sum(len(section.bars) for section in self.sections)


class MmaSource:
    """Songs of several sections in one style, each with grooves from one library of MMA.

    Args:
        library: folder of the groove files.
        program: name or path of MMA.
    """

    def __init__(self, library: Path = LIBRARY, program: str = "mma") -> None:
        self._folder = library
        self._program = program

    @cached_property
    def libraries(self) -> dict[str, tuple[Groove, ...]]:
        """Main grooves by library."""
        return read_libraries(self._folder)

    def check(self) -> None:
        """Raise RenderError if MMA or its library is missing, MissingExtraError if mido is."""
        require_mido()
        if shutil.which(self._program) is None:
            raise RenderError(f"the program {self._program!r} is missing; install the Debian package mma")
        if not self.libraries:
            raise RenderError(f"{self._folder}: has no MMA grooves; install the Debian package mma")

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random song of about `seconds`.

        Raises:
            RejectedPiece: if MMA rejects the groove or plays too few notes.
            RenderError: if MMA is missing.
        """
        plan = _plan(rng, self.libraries, seconds)
        score = read_midi(self._run(_text(plan)))
        starts = _bar_starts(score, plan)
        piece = heard_in_two(_piece(rng, score, plan, starts))
        strokes = rates(piece, kicks(piece.parts))
        if (
            piece.genre in _BACKBEAT_GENRES - {"reggae"}
            and strokes.max() > 0.2
            and not leads(strokes, share=0.5)
        ):
            raise RejectedPiece("bass drum contradicts the downbeats")
        return require_rhythm(piece)

    def _run(self, text: str) -> bytes:
        """Run MMA in a temporary folder and return its MIDI file."""
        with tempfile.TemporaryDirectory(prefix="beattrack-mma-") as name:
            folder = Path(name)
            (folder / "song.mma").write_text(text, encoding="utf-8")
            environment = {**os.environ, "HOME": name, "PYTHONHASHSEED": "0"}
            try:
                done = subprocess.run(
                    [self._program, "-f", "song.mid", "song.mma"],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=TIMEOUT,
                    check=False,
                )
            except FileNotFoundError as error:
                raise RenderError(
                    f"the program {self._program!r} is missing; install the Debian package mma"
                ) from error
            except subprocess.TimeoutExpired as error:
                raise RejectedPiece("MMA took too long") from error
            midi = folder / "song.mid"
            if done.returncode != 0 or not midi.is_file():
                raise RejectedPiece("MMA rejected the song")
            return midi.read_bytes()


def _plan(rng: np.random.Generator, libraries: dict[str, tuple[Groove, ...]], seconds: float) -> _Plan:
    library = draw_library(rng, libraries)
    groove = library[int(rng.integers(len(library)))]
    style = groove.style
    metre = groove.metre
    cut: tuple[float, ...] = (groove.quarters,)
    if metre.name == "4/4" and rng.random() < style.in_two:
        metre = METRES["2/2"]
    elif metre.name == "4/4" and rng.random() < _CUT_SHARE:
        name = str(rng.choice(list(_CUTS), p=_CUT_WEIGHTS))
        metre, cut = METRES[name], _CUTS[name]
    quarter_bpm = draw_bpm(rng, style.slowest, style.fastest) * metre.beats[0]
    count = max(8, math.ceil(seconds * quarter_bpm / 60 / sum(cut)) + 1)
    idiom = style.idioms[int(rng.integers(len(style.idioms)))]
    sections = song_form(rng, idiom, count)
    odd = frozenset[int]()
    if metre.name == "4/4" and rng.random() < 0.04:
        odd = frozenset(int(bar) for bar in range(3, count - 1) if rng.random() < 0.1)
    return _Plan(
        groove=groove,
        metre=metre,
        cut=cut,
        quarter_bpm=quarter_bpm,
        sections=sections,
        grooves=_section_grooves(rng, groove, library, sections),
        odd_bars=odd,
        seed=int(rng.integers(1, 2**31 - 1)),
    )


def _section_grooves(
    rng: np.random.Generator, groove: Groove, library: tuple[Groove, ...], sections: tuple[Section, ...]
) -> tuple[Groove, ...]:
    """Return the groove of each section, the same for the same letter, all of one library and metre."""
    others = [other for other in library if other.metre == groove.metre and other.quarters == groove.quarters]
    by_letter = {"A": groove}
    for section in sections:
        if section.letter not in by_letter:
            change = rng.random() < 0.7
            by_letter[section.letter] = others[int(rng.integers(len(others)))] if change else groove
    return tuple(by_letter[section.letter] for section in sections)


def _text(plan: _Plan) -> str:
    """Return the song in MMA's language, with a marker before every bar."""
    lines = [f"RndSeed {plan.seed}", f"Tempo {plan.quarter_bpm:.4f}"]
    number = 0
    for section, groove in zip(plan.sections, plan.grooves, strict=True):
        lines.append(f"Groove {groove.full_name}")
        for bar in section.bars:
            lines.append(f"MidiMark bar{number}")
            cut = (2.0,) if number in plan.odd_bars else plan.cut
            lines.extend(bar_text(bar, cut, groove.quarters))
            number += 1
    lines.append(f"MidiMark bar{number}")
    return "\n".join(lines) + "\n"


def bar_text(chords: tuple[Chord, ...], cut: tuple[float, ...], quarters: float) -> list[str]:
    """Return the lines of one written bar in MMA's language.

    Args:
        chords: one or two chords.
        cut: durations of one or two MMA bars in quarters.
        quarters: duration of a bar of the groove in quarters.
    """
    if len(cut) > 1:  # one chord per MMA bar
        halves = zip(cut, (chords[0], chords[-1]), strict=True)
        return [line for length, chord in halves for line in (*_cut_to(length, quarters), str(chord))]
    length = cut[0]
    lines = _cut_to(length, quarters)
    if len(chords) == 1 or length < 2:
        return [*lines, str(chords[0])]
    middle = math.ceil(length / 2)
    return [*lines, " ".join([str(chords[0]), *["/"] * (middle - 1), str(chords[1])])]


def _cut_to(length: float, quarters: float) -> list[str]:
    return [] if length == quarters else [f"Truncate {length:g}"]


def _bar_starts(score: MidiScore, plan: _Plan) -> Floats:
    """Return the ticks of bar lines, (bars + 1,); raise RejectedPiece if a bar has the wrong duration."""
    marks = {text: tick for tick, text in score.markers if text.startswith("bar")}
    try:
        starts = np.array([marks[f"bar{number}"] for number in range(plan.bars + 1)], dtype=np.float64)
    except KeyError as error:
        raise RejectedPiece("MMA left out a bar") from error
    wanted = np.full(plan.bars, sum(plan.cut))
    wanted[list(plan.odd_bars)] = 2.0
    if np.any(np.abs(np.diff(starts) - wanted * score.ticks_per_quarter) > 1):
        raise RejectedPiece("MMA changed the length of a bar")
    return starts


def _piece(rng: np.random.Generator, score: MidiScore, plan: _Plan, starts: Floats) -> Piece:
    metres = [METRES["2/4"] if bar in plan.odd_bars else plan.metre for bar in range(plan.bars)]
    beats, positions = felt_beats(score.seconds(starts[:-1]), metres, 60.0 / plan.quarter_bpm)
    end = float(score.seconds(starts)[-1])
    parts = [_within(part, float(beats[0]), end) for part in _tidied(score, plan).parts_in_seconds()]
    style = plan.groove.style
    divisions = [METRES[metre.name].divisions for metre in metres]
    swing = _SWING if style.genre in ("jazz", "blues") else 0.5
    grid = Grid(np.append(beats, end), make_bars(plan.sections, divisions), swing)
    name = "".join(c if c.isalnum() else "_" for c in plan.groove.full_name)
    return Piece(
        id=f"mma-{name}-{plan.seed:08x}",
        source="mma",
        licence=LICENCE,
        genre=style.genre,
        group=plan.groove.library,
        metre=plan.metre.name,
        parts=(*(part for part in parts if len(part.notes)), *_added(rng, grid, plan)),
        beats=beats,
        positions=positions,
    )


def _added(rng: np.random.Generator, grid: Grid, plan: _Plan) -> tuple[Part, ...]:
    """Return a band for grooves of drums only, and a lead for some other grooves."""
    genre = plan.groove.style.genre
    styles = [style for style in STYLES if style.genre == genre] or [STYLES[0]]
    style = styles[int(rng.integers(len(styles)))]
    if plan.groove.drums_only:
        return accompany(rng, grid, style) if rng.random() < _ACCOMPANIED else ()
    return (lead_part(rng, grid, style.leads),) if rng.random() < _LED else ()


def _tidied(score: MidiScore, plan: _Plan) -> MidiScore:
    """Correct the sixteenths of the drum machine's patterns, which their files round to tenths."""
    if not plan.groove.drums_only:
        return score
    parts = []
    for part in score.parts:
        notes = part.notes.copy()
        quarters = notes[:, ONSET] / score.ticks_per_quarter
        tenths = np.rint((quarters - np.floor(quarters)) * 10).astype(np.int64)
        exact = _TRIPLETS if set(tenths) <= {0, 3, 7} else _SIXTEENTHS
        shift = np.array([exact.get(int(tenth), 0.0) for tenth in tenths]) * score.ticks_per_quarter
        notes[:, : OFFSET + 1] += shift[:, None]
        parts.append(replace(part, notes=notes[np.argsort(notes[:, ONSET], kind="stable")]))
    return replace(score, parts=tuple(parts))


def _within(part: Part, start: float, end: float) -> Part:
    """Return a part without notes after the last bar, or more than 0.1 s before the first beat."""
    notes = part.notes
    kept = notes[(notes[:, ONSET] > start - 0.1) & (notes[:, ONSET] < end - 0.05)]
    kept[:, ONSET : OFFSET + 1] = np.maximum(kept[:, ONSET : OFFSET + 1], [0.0, 0.02])
    return Part(name=part.name, program=part.program, drums=part.drums, notes=kept)


def heard_in_two(piece: Piece) -> Piece:
    """Return a piece, at half the tempo if it is in a fast 4/4 with a backbeat on the third beat only.

    Raises:
        RejectedPiece: if such a piece has bars of other lengths.
    """
    if piece.metre != "4/4" or piece.bpm < _HALF_TIME or piece.genre not in _BACKBEAT_GENRES:
        return piece
    shares = rates(piece, snares(piece.parts))
    if len(shares) < 4 or shares[2] < 0.3 or shares[1] + shares[3] > 0.25 * shares[2]:
        return piece
    if np.count_nonzero(piece.positions == 1) != np.count_nonzero(piece.positions == 3):
        raise RejectedPiece("half-time feel in an irregular metre")
    odd = every_second(piece.positions)
    beats, positions = piece.beats[odd], (piece.positions[odd] + 1) // 2
    return replace(piece, metre="2/2", beats=beats, positions=positions)
