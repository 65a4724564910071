"""Styles of generated bands: tempi, metres, harmony, patterns and instruments that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from beattrack.rendering.composing.accompaniment import BassKind, CompKind
from beattrack.rendering.composing.drummer import Kits
from beattrack.rendering.composing.harmony import Idiom

Programs = tuple[int, ...]  # General MIDI, from 0

PIANOS: Programs = (0, 1, 2, 3, 4, 5)
ORGANS: Programs = (16, 17, 18, 19)
ACOUSTIC: Programs = (24, 25)
ELECTRIC: Programs = (26, 27, 28)
DISTORTED: Programs = (29, 30)
BASSES: Programs = (33, 34, 35, 32)
SYNTH_BASSES: Programs = (38, 39, 87)
UPRIGHT: Programs = (32,)
STRINGS: Programs = (48, 49, 50, 51)
PADS: Programs = (88, 89, 90, 91, 92, 94, 95, 52)
LEADS: Programs = (80, 81, 84, 85, 82, 87)
VOCAL: Programs = (52, 53, 54, 65, 66, 71, 73, 85, 91, 40)
BRASS: Programs = (56, 57, 60, 61, 62, 63)
MALLETS: Programs = (8, 9, 11, 12, 13, 14, 108)
PLUCKED: Programs = (45, 46, 104, 105, 106, 107, 15, 6, 7)


@dataclass(frozen=True)
class BandStyle:
    """One style.

    Attributes:
        name: name of the style.
        genre: genre label.
        slowest: slowest tempo in felt beats per minute.
        fastest: fastest tempo in felt beats per minute.
        metres: weights of metres by name.
        idioms: idioms of the harmony.
        kits: drum patterns.
        basses: kinds of bass lines.
        comps: kinds of chord parts, of which one or two are played.
        bass_programs: programs of the bass.
        chords: programs of the chord parts.
        leads: programs of the melody.
        swing: range of the position of the off-beat, 0.5 = straight.
        sixteenths: whether sixteenths swing instead of eighths.
        lead: probability of a melody.
        weight: relative frequency of the style.
        drum_kits: programs of the drums.
    """

    name: str
    genre: str
    slowest: float
    fastest: float
    metres: Mapping[str, float]
    idioms: tuple[Idiom, ...]
    kits: Kits
    basses: tuple[BassKind, ...]
    comps: tuple[CompKind, ...]
    bass_programs: Programs
    chords: Programs
    leads: Programs = VOCAL
    swing: tuple[float, float] = (0.5, 0.5)
    sixteenths: bool = False
    lead: float = 0.65
    weight: float = 1.0
    drum_kits: Programs = field(default=(0, 8, 16))
