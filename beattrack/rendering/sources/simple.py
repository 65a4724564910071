"""Simple music: metronomes, loops, sparse drums, chords alone, one player and a singer, small bands.

Trackers trained on full arrangements fail on such music: clicks at half or double tempo, a solo guitar whose
off-beats are louder than its beats, slow ballads with sixteenth hi-hats, reggae without drums on the
downbeat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from beattrack.rendering.composing.accompaniment import BassKind, CompKind, play_bass, play_chords
from beattrack.rendering.composing.band_style import BandStyle
from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.drum_patterns import KICK
from beattrack.rendering.composing.drummer import Kits, play_drums
from beattrack.rendering.composing.ensemble import accompany
from beattrack.rendering.composing.grid import Grid, Row, regular_grid
from beattrack.rendering.composing.harmony import Idiom, Section, song_form
from beattrack.rendering.composing.melody import play_melody
from beattrack.rendering.composing.pulse import (
    Pulse,
    draw_click_bpm,
    drum_loop,
    metronome,
    sparse_drums,
)
from beattrack.rendering.composing.tempi import draw_bpm
from beattrack.rendering.metre import METRES
from beattrack.rendering.midi import require_mido
from beattrack.rendering.piece import Part, Piece

LICENCE = "generated"

_SUSTAINED = (0, 1, 4, 5, 16, 17, 19, 24, 25, 46, 48, 52, 89, 91)  # pianos, organs, guitars, strings, pads
_SOLO_GUITARS = (24, 25, 25, 26, 27)
_SOLO_PIANOS = (0, 1, 3, 4)
_SINGERS = (22, 40, 52, 53, 65, 66, 71, 73)
_BASSES: tuple[BassKind, ...] = ("fifths", "fifths", "quarters", "walking")
_COMPS: tuple[CompKind, ...] = ("oompah", "oompah", "skank", "eighths", "arpeggio", "rolling")


def _named(name: str, **changes: Any) -> BandStyle:
    style = next(style for style in STYLES if style.name == name)
    return replace(style, **changes)


@dataclass(frozen=True)
class _Band:
    """A style of a small band."""

    style: BandStyle
    sixteenths: bool = False


_SHUFFLES = (
    _Band(_named("shuffle", slowest=66, fastest=138, comps=("skank", "eighths", "charleston"))),
    _Band(_named("shuffle", slowest=66, fastest=138, basses=("walking", "quarters"), comps=("skank",))),
)
_REGGAE = (
    _Band(_named("reggae", kits=Kits("one drop"), slowest=62, fastest=92)),
    _Band(_named("reggae", kits=Kits("steppers"), slowest=62, fastest=92)),
)
_BALLADS = (
    _Band(_named("ballad", kits=Kits("busy ballad"), metres={"4/4": 1.0}, slowest=55, fastest=80)),
    _Band(
        _named(
            "soul", kits=Kits("busy ballad"), metres={"4/4": 1.0}, slowest=55, fastest=80, swing=(0.5, 0.6)
        ),
        sixteenths=True,
    ),
)


class SimpleSource:
    """Generated pieces with few instruments. Each is a group by itself."""

    def check(self) -> None:
        """Raise MissingExtraError if the package mido is not installed."""
        require_mido()

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random piece of about `seconds`."""
        kinds = list(KINDS)
        weights = np.array([KINDS[kind][0] for kind in kinds])
        kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        number = int(rng.integers(2**32))
        piece = KINDS[kind][1](rng, seconds)
        return replace(piece, id=f"simple-{kind}-{number:08x}", group=f"simple-{number:08x}")


def _clicks(rng: np.random.Generator, seconds: float, *, accented: bool) -> Piece:
    return _of_pulse(metronome(rng, draw_click_bpm(rng), seconds, accented=accented), "metronome")


def _loop(rng: np.random.Generator, seconds: float) -> Piece:
    return _of_pulse(drum_loop(rng, _even_bpm(rng, 55, 175), seconds), "loop")


def _sparse(rng: np.random.Generator, seconds: float) -> Piece:
    return _of_pulse(sparse_drums(rng, _even_bpm(rng, 42, 160), seconds), "drums")


def _even_bpm(rng: np.random.Generator, slowest: float, fastest: float) -> float:
    return float(np.exp(rng.uniform(math.log(slowest), math.log(fastest))))


def _of_pulse(pulse: Pulse, genre: str) -> Piece:
    return Piece(
        id="simple",
        source="simple",
        licence=LICENCE,
        genre=genre,
        group="simple",
        metre=pulse.metre,
        parts=(pulse.part,),
        beats=pulse.beats,
        positions=pulse.positions,
        bars_known=pulse.bars_known,
        plain=True,
    )


def _grid(
    rng: np.random.Generator,
    bpm: float,
    seconds: float,
    idioms: tuple[Idiom, ...],
    *,
    metre: str = "4/4",
    swing: float = 0.5,
    sixteenths: bool = False,
) -> Grid:
    """Return a grid whose chords all change on bar lines."""
    one = METRES[metre]
    quarter = 60.0 / bpm / one.beats[0]
    count = max(8, math.ceil(seconds / (one.quarters * quarter)) + 1)
    sections = [
        Section(section.letter, tuple((bar[0],) for bar in section.bars))
        for section in song_form(rng, idioms[int(rng.integers(len(idioms)))], count)
    ]
    return regular_grid(sections, [one] * count, quarter, swing=swing, sixteenths=sixteenths)


def _on_grid(grid: Grid, metre: str, genre: str, parts: list[Part], *, plain: bool) -> Piece:
    return Piece(
        id="simple",
        source="simple",
        licence=LICENCE,
        genre=genre,
        group="simple",
        metre=metre,
        parts=tuple(parts),
        beats=grid.beats,
        positions=grid.positions,
        plain=plain,
    )


def _chords(rng: np.random.Generator, seconds: float) -> Piece:
    """Return long chords alone, or with a slow melody, at 38 to 95 BPM."""
    metre = "3/4" if rng.random() < 0.2 else "4/4"
    halves = metre == "4/4" and rng.random() < 0.3
    bpm = _even_bpm(rng, 58, 95) if halves else _even_bpm(rng, 38, 80)
    grid = _grid(rng, bpm, seconds, ("pop", "folk", "minor", "classical"), metre=metre)
    rows = play_chords(rng, grid.bars, "halves" if halves else "quarters", centre=int(rng.integers(54, 66)))
    program = int(rng.choice(_SUSTAINED))
    if rng.random() < 0.5:
        rows += [(on, off, pitch + 12, speed) for on, off, pitch, speed in play_bass(rng, grid.bars, "long")]
    parts = [grid.part("chords", program, rows)]
    if rng.random() < 0.4:
        parts.append(_lead(rng, grid, density=0.15))
    return _on_grid(grid, metre, "chords", parts, plain=True)


def _alone(rng: np.random.Generator, seconds: float) -> Piece:
    """Return a guitar or piano that plays bass and chords, mostly with a melody."""
    genre = str(rng.choice(["blues", "blues", "country", "folk"]))
    idioms: tuple[Idiom, ...] = ("blues",) if genre == "blues" else ("folk", "pop", "rock")
    metre = "3/4" if genre != "blues" and rng.random() < 0.15 else "4/4"
    swing = float(rng.uniform(0.56, 0.67)) if genre == "blues" and rng.random() < 0.7 else 0.5
    grid = _grid(rng, draw_bpm(rng, 58, 135), seconds, idioms, metre=metre, swing=swing)
    guitar = rng.random() < 0.7
    program = int(rng.choice(_SOLO_GUITARS if guitar else _SOLO_PIANOS))
    bass = play_bass(rng, grid.bars, _BASSES[int(rng.integers(len(_BASSES)))])
    strum = float(rng.uniform(0.0, 0.03)) if guitar else 0.0
    comp = _COMPS[int(rng.integers(len(_COMPS)))]
    strokes = play_chords(rng, grid.bars, comp, centre=int(rng.integers(56, 64)), strum=strum)
    louder = float(rng.uniform(0.8, 1.35))  # chords on off-beats may be louder than the bass on beats
    rows: list[Row] = [(on, off, pitch + 12, speed) for on, off, pitch, speed in bass]
    rows += [(on, off, pitch, speed * louder) for on, off, pitch, speed in strokes]
    parts = [grid.part("guitar" if guitar else "piano", program, rows)]
    if rng.random() < 0.85:
        parts.append(_lead(rng, grid, density=float(rng.uniform(0.2, 0.6))))
    return _on_grid(grid, metre, genre, parts, plain=True)


def _lead(rng: np.random.Generator, grid: Grid, *, density: float) -> Part:
    rows = play_melody(
        rng,
        grid.bars,
        centre=int(rng.integers(60, 74)),
        density=density,
        rest=float(rng.uniform(0.15, 0.5)),
    )
    return grid.part("lead", int(rng.choice(_SINGERS)), rows)


def _band(rng: np.random.Generator, seconds: float, *, bands: tuple[_Band, ...]) -> Piece:
    """Return a small band whose chords change on bar lines."""
    band = bands[int(rng.integers(len(bands)))]
    style = band.style
    bpm = draw_bpm(rng, style.slowest, style.fastest)
    swing = float(rng.uniform(*style.swing))
    grid = _grid(rng, bpm, seconds, style.idioms, swing=swing, sixteenths=band.sixteenths)
    strokes = play_drums(rng, grid.bars, style.kits)  # in all sections, because the drums are the point here
    kicks = np.array([row[0] for row in strokes if row[2] == KICK], dtype=np.float64)
    drums = grid.part("drums", int(rng.choice(style.drum_kits)), strokes, drums=True)
    parts = [drums, *accompany(rng, grid, style, kicks=kicks)]
    return _on_grid(grid, "4/4", style.genre, parts, plain=False)


def _accented(rng: np.random.Generator, seconds: float) -> Piece:
    return _clicks(rng, seconds, accented=True)


def _unaccented(rng: np.random.Generator, seconds: float) -> Piece:
    return _clicks(rng, seconds, accented=False)


def _shuffle(rng: np.random.Generator, seconds: float) -> Piece:
    return _band(rng, seconds, bands=_SHUFFLES)


def _reggae(rng: np.random.Generator, seconds: float) -> Piece:
    return _band(rng, seconds, bands=_REGGAE)


def _ballad(rng: np.random.Generator, seconds: float) -> Piece:
    return _band(rng, seconds, bands=_BALLADS)


KINDS: Mapping[str, tuple[float, Callable[[np.random.Generator, float], Piece]]] = {
    "accented": (0.13, _accented),
    "unaccented": (0.09, _unaccented),
    "loop": (0.13, _loop),
    "sparse": (0.1, _sparse),
    "chords": (0.1, _chords),
    "alone": (0.21, _alone),
    "shuffle": (0.08, _shuffle),
    "reggae": (0.07, _reggae),
    "ballad": (0.09, _ballad),
}
"""Weight of each kind, and the function that composes it."""
