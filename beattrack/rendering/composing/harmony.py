"""Chords and progressions of generated songs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Idiom = Literal["pop", "rock", "blues", "jazz", "minor", "modal", "folk", "latin", "classical", "vamp"]
IDIOMS: tuple[Idiom, ...] = get_args(Idiom)

_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_SCALE = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_NUMERAL = re.compile(r"([b#]?)([iv]+|[IV]+)(.*)")

# Semitones above the root. The names are those of MMA, in which a major chord is "M" or nothing.
_TONES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "M7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "9": (0, 4, 7, 10, 14),
    "m9": (0, 3, 7, 10, 14),
    "7b9": (0, 4, 7, 10, 13),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "sus4": (0, 5, 7),
}


@dataclass(frozen=True)
class Chord:
    """A chord.

    Attributes:
        root: pitch class, 0 = C.
        quality: name of the chord type in MMA, "" = major.
    """

    root: int
    quality: str = ""

    @property
    def tones(self) -> tuple[int, ...]:
        """Semitones above the root, in ascending order."""
        return _TONES[self.quality]

    @property
    def minor(self) -> bool:
        """Whether the third is minor."""
        return 3 in self.tones

    def __str__(self) -> str:
        return _NAMES[self.root] + self.quality


Bars = tuple[tuple[Chord, ...], ...]
"""Harmony bar by bar: one chord, or two of which the second starts in the middle of the bar."""

# One word per bar; a slash separates two chords in a bar; lower case is minor.
_LOOPS: dict[Idiom, tuple[str, ...]] = {
    "pop": (
        *("I V vi IV", "vi IV I V", "I vi IV V", "IV V iii vi", "I IV vi V", "I iii IV V", "I V ii IV"),
        *(
            "I V vi iii IV I IV V",
            "vi V IV V",
            "IV I V vi",
            "I/V vi/IV I/V IV",
            "ii IV I V",
            "IM7 iii7 IV iv",
        ),
        *("I IV ii V", "I I IV V", "I Vsus4/V vi IV", "vi ii IV V", "IVM7 V7 iii7 vi7", "I bVII IV IV"),
    ),
    "rock": (
        *("I bVII IV I", "i bVII bVI V", "I IV I V", "i bVI bIII bVII", "i i bVI bVII", "I IV V IV"),
        *("i bIII bVII IV", "I bIII IV I", "I/IV I/IV V IV", "i iv i V7", "vi IV I V", "I I bVII IV"),
        *("i bVII i bVI/bVII", "I V bVII IV", "i v bVI bVII"),
    ),
    "blues": (
        "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
        "I7 IV7 I7 I7 IV7 IV7 I7 VI7 ii7 V7 I7/VI7 ii7/V7",
        "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7",
        "I7 V7 IV7 IV7 I7 V7 I7 V7",
        "I7 IV7 I7 I7 IV7 #IVdim7 I7 VI7 V7 IV7 I7/IV7 I7/V7",
    ),
    "jazz": (
        *("ii7 V7 IM7 IM7", "IM7/vi7 ii7/V7", "iii7/VI7 ii7/V7", "ii7 V7 IM7 VI7", "IM7 #Idim7 ii7 V7"),
        "ii7 V7 IM7 IVM7 vii7b5 III7 vi7 vi7",
        "I6/VI7 ii7/V7 iii7/VI7 ii7/V7 I7 IV6/iv6 I6/V7 I6",
        "i7 i7 i7 i7 i7 i7 i7 i7 bii7 bii7 bii7 bii7 i7 i7 i7 i7",
        "IM7 IM7 iv7 bVII7 IM7 VI7 ii7 V7",
        "ii7b5 V7b9 i6 i6",
        "III7 III7 VI7 VI7 II7 II7 V7 V7",
        "IM7 bIIIM7 bVIM7 bIIM7",
    ),
    "minor": (
        *("i bVI bVII i", "i iv V7 i", "i bVII bVI V7", "i iv bVII bIII bVI ii7b5 V7 i", "i v iv v"),
        *("i bIII bVII bVI", "i i iv V7", "i bVI iv V", "i/bVII bVI/V7"),
    ),
    "modal": (
        "i IV",
        "I bVII",
        "i bII",
        "i7 IV7",
        "I II",
        "i bVII IV i",
        "I bVII bVI bVII",
        "i7 i7 bVIIM7 i7",
    ),
    "folk": (
        *("I I V I", "I IV I V", "I IV V I", "I I IV I V V7 I I", "i bVII i i/V", "I V vi V", "I/IV I/V"),
        *("I IV I/V I", "i i bVII bVII", "I ii V I", "i bIII bVII i", "I I I V I IV I/V I"),
    ),
    "latin": (
        *("i iv V7 i", "ii7 V7 I VI7", "i bVII bVI V7", "I IV V IV", "i7 IV7", "I VI7 ii V7", "i V7 V7 i"),
        *("IM7 II7 ii7 V7", "IV V7 I I", "i i V7 V7 V7 V7 i i", "I7/IV7 V7/IV7"),
    ),
    "classical": (
        *("I V7 I I", "I IV V7 I", "I vi ii V7", "i iv V7 i", "I IV viidim7 iii vi ii V7 I", "I V7 V7 I"),
        *("I I/V7 I ii/V7", "vi ii V I", "i bVI iv V", "I V vi iii IV I ii V", "i V7 i bVII bIII bVI iv V"),
    ),
    "vamp": (
        "i7 i7",
        "I7 IV7",
        "i7 IV7",
        "i bVII",
        "I IV",
        "i7 i7 iv7 i7",
        "IM7 IVM7",
        "i i iv V",
        "I7 I7 I7 I7",
    ),
}
_FORMS = ("AABA", "ABAB", "AABB", "ABAC", "AAB", "ABC", "ABCB", "AAAB")


def chord_from_numeral(numeral: str, key: int) -> Chord:
    """Return the chord of a Roman numeral such as "bVIM7" in the key of pitch class `key`.

    Raises:
        ValueError: if the text is not a Roman numeral.
    """
    match = _NUMERAL.fullmatch(numeral)
    if match is None:
        raise ValueError(f"{numeral!r} is not a Roman numeral")
    accidental, degree, suffix = match.groups()
    shift = {"b": -1, "#": 1, "": 0}[accidental]
    if degree.islower() and suffix != "dim7":
        suffix = "m" + suffix
    return Chord((key + _SCALE[degree.upper()] + shift) % 12, suffix)


def loop(text: str, key: int) -> Bars:
    """Return the harmony of Roman numerals, one word per bar, in the key of pitch class `key`."""
    return tuple(tuple(chord_from_numeral(part, key) for part in word.split("/")) for word in text.split())


def progression(rng: np.random.Generator, idiom: Idiom, key: int, bars: int) -> Bars:
    """Return random harmony of `bars` bars in an idiom, in the key of pitch class `key`."""
    if idiom in ("pop", "folk", "classical", "rock") and rng.random() < 0.35:
        pattern = _walk(rng, key, min(bars, int(rng.choice([4, 8]))))
    else:
        pattern = loop(str(rng.choice(_LOOPS[idiom])), key)
    if len(pattern) <= 4 and bars >= 2 * len(pattern) and rng.random() < 0.2:
        pattern = tuple(bar for bar in pattern for _ in range(2))  # each chord for two bars
    elif len(pattern) >= 4 and rng.random() < 0.1:
        pattern = _squeeze(pattern)
    repeated = [pattern[index % len(pattern)] for index in range(bars)]
    if bars >= 4 and rng.random() < 0.4:
        dominant = chord_from_numeral(str(rng.choice(["V7", "V", "IV", "bVII", "Vsus4"])), key)
        repeated[-1] = (repeated[-1][0], dominant) if rng.random() < 0.5 else (dominant,)
    return tuple(repeated)


def _squeeze(pattern: Bars) -> Bars:
    """Join pairs of bars to one bar, with the first chord of each."""
    pairs = zip(pattern[::2], pattern[1::2], strict=False)
    return tuple((first[0], second[0]) for first, second in pairs)


def _walk(rng: np.random.Generator, key: int, bars: int) -> Bars:
    """Return random harmony by function (tonic, subdominant, dominant), from the tonic to a cadence."""
    minor = rng.random() < 0.4
    functions = (
        [("i", "bIII", "bVI"), ("iv", "bVI", "ii7b5"), ("V7", "V", "bVII")]
        if minor
        else [("I", "vi", "iii"), ("IV", "ii", "ii7"), ("V", "V7", "IV")]
    )
    state, numerals = 0, ["i" if minor else "I"]
    steps = np.array([[0.25, 0.5, 0.25], [0.2, 0.2, 0.6], [0.65, 0.2, 0.15]])
    for _ in range(bars - 2):
        state = int(rng.choice(3, p=steps[state]))
        numerals.append(str(rng.choice(functions[state])))
    numerals.append(str(rng.choice(["V7" if minor else "V", numerals[0]])))
    words = [
        f"{numeral}/{rng.choice(functions[int(rng.integers(3))])}" if rng.random() < 0.12 else numeral
        for numeral in numerals
    ]
    return loop(" ".join(words), key)


@dataclass(frozen=True)
class Section:
    """A section of a song. Sections with the same letter share harmony and, mostly, patterns."""

    letter: str
    bars: Bars


def song_form(rng: np.random.Generator, idiom: Idiom, bars: int) -> tuple[Section, ...]:
    """Return the sections of a random song of exactly `bars` bars.

    Most sections have 8 bars, some 4, 6, 7, 10, 12 or 16. The last section may be in a higher key.
    """
    key = int(rng.integers(12))
    length = 12 if idiom == "blues" else int(rng.choice([4, 8, 8, 8, 8, 6, 10, 12, 7, 16]))
    length = min(length, max(4, bars // 2))
    form = str(rng.choice(_FORMS))
    material = {letter: progression(rng, idiom, key, length) for letter in sorted(set(form))}
    sections: list[Section] = []
    count = 0
    while count < bars:
        letter = form[len(sections) % len(form)]
        chosen = material[letter][: bars - count]
        sections.append(Section(letter, chosen))
        count += len(chosen)
    if len(sections) > 3 and rng.random() < 0.1:
        shift = int(rng.choice([1, 2, 3]))
        sections[-1] = Section(sections[-1].letter, transposed(sections[-1].bars, shift))
    return tuple(sections)


def transposed(bars: Bars, semitones: int) -> Bars:
    """Return harmony transposed by a number of semitones."""
    return tuple(tuple(Chord((chord.root + semitones) % 12, chord.quality) for chord in bar) for bar in bars)
