"""The groove libraries of MMA: grooves with their metre, style and tempo range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beattrack.rendering.composing.harmony import Idiom
from beattrack.rendering.metre import METRES, Metre

# Introductions, endings, fills and clicks are left out, and drum and bass, whose metrical level is ambiguous.
_LIBRARIES_LEFT_OUT = re.compile(r"metronome|/none|^zoom/(count|ending|intro|dnb)$", re.IGNORECASE)
_GROOVES_LEFT_OUT = re.compile(r"intro|ending|end\d*$|fill|tacet|solo|break|count|drumintro", re.IGNORECASE)
_PFLIB_LEFT_OUT = re.compile(r"(F[AB]|E)$")  # fills and endings in pflib


@dataclass(frozen=True)
class Style:
    """The style of grooves whose name matches `pattern`.

    Attributes:
        pattern: regular expression.
        genre: genre label.
        idioms: idioms of the harmony.
        slowest: slowest tempo in felt beats per minute. The ranges are from the descriptions of grooves, from
            dances, and from songs of the genre (5th to 95th percentile).
        fastest: fastest tempo in felt beats per minute.
        in_two: share of pieces in which half notes are the felt beats, as in a polka.
    """

    pattern: str
    genre: str
    idioms: tuple[Idiom, ...]
    slowest: float
    fastest: float
    in_two: float = 0.0


# The first match counts; names are "library/file:groove" in lower case.
STYLES: tuple[Style, ...] = (
    Style(r"/zoom/trip|triphop|hip", "hiphop", ("vamp", "minor", "modal"), 72, 108),
    Style(r"/68swing", "jazz", ("jazz", "blues"), 60, 110),
    Style(r"regg", "reggae", ("vamp", "minor", "pop"), 62, 92, in_two=1.0),
    Style(r"stdlib/ska", "reggae", ("pop", "rock", "folk"), 98, 140, in_two=1.0),
    Style(r"ska", "reggae", ("pop", "rock", "folk"), 110, 152),
    Style(r"disco|boneym", "disco", ("minor", "vamp", "pop"), 106, 130),
    Style(r"trance|techno|rave|house|danc|tech\d", "dance", ("minor", "vamp", "modal"), 112, 142),
    Style(r"vienese|viennese", "classical", ("classical",), 140, 190),
    Style(r"jazz.*waltz|waltz.*jazz", "jazz", ("jazz", "latin"), 95, 190),
    Style(r"rockwaltz|bald05|bald11|rock28|popwaltz", "rock", ("rock", "pop"), 75, 130),
    Style(r"country.*waltz", "country", ("folk", "pop"), 82, 145),
    Style(r"arpeggio|hymn|serenade", "classical", ("classical", "pop"), 55, 120),
    Style(r"waltz", "waltz", ("classical", "folk", "latin"), 84, 180),
    Style(r"68march", "march", ("folk", "classical"), 104, 128),
    Style(r"blues.*68|68.*blus|68blues|blus04", "blues", ("blues",), 50, 85),
    Style(r"128|ballad68|68ballad", "ballad", ("pop", "blues"), 48, 90),
    Style(r"slowblues", "blues", ("blues",), 55, 90),
    Style(r"slowrock|bald|ballad|lullaby|slowbolero|slowspirit", "ballad", ("pop", "minor", "rock"), 52, 92),
    Style(r"boogie|boggie|fastblues", "blues", ("blues", "rock"), 118, 180),
    Style(r"countryblues|bluefolk|blues|blus|shfl|shuffle", "blues", ("blues", "rock"), 74, 140),
    Style(r"fastbigband|fastswing|bebop", "jazz", ("jazz",), 150, 240),
    Style(r"slowjazz|slowswing|slowbig|mellowjazz|nitejazz", "jazz", ("jazz",), 52, 88),
    Style(r"quickstep|charleston", "jazz", ("jazz", "pop"), 96, 140, in_two=1.0),
    Style(r"ragtime|dixie", "jazz", ("jazz", "pop"), 80, 116, in_two=0.85),
    Style(r"foxtrot", "jazz", ("jazz", "pop"), 96, 140, in_two=0.1),
    Style(r"stdlib/(polka|bwmarch|march)", "folk", ("folk", "classical"), 104, 132, in_two=1.0),
    Style(r"polka|march", "folk", ("folk", "classical"), 104, 136, in_two=0.3),
    Style(r"zydeco", "folk", ("folk",), 96, 150),
    Style(r"bluegrass|hillcountry", "country", ("folk",), 104, 150, in_two=0.7),
    Style(r"countryswing|westernswing", "country", ("folk", "pop"), 104, 180),
    Style(r"country|cntr|western|kwest", "country", ("folk", "pop"), 80, 160),
    Style(r"stdlib/(samba|merengue)", "latin", ("latin", "jazz"), 88, 132, in_two=1.0),
    Style(r"samba", "latin", ("latin", "jazz"), 88, 124, in_two=0.6),
    Style(r"merengue|salsa|mambo|quando", "latin", ("latin", "jazz"), 84, 128, in_two=0.5),
    Style(r"bossa", "latin", ("jazz", "latin"), 98, 148),
    Style(
        r"tango|bolero|beguine|rhumba|chacha|son\b|/son|calypso|afro|cuban|latin|latn|lfusion|desert|mide",
        "latin",
        ("latin", "minor"),
        88,
        138,
    ),
    Style(r"jazzrock|fus\d|fusion", "funk", ("vamp", "jazz"), 84, 128),
    Style(r"swing|jazz|bigband|combo|evans|gypsy|folky", "jazz", ("jazz",), 86, 210),
    Style(r"funk|strut", "funk", ("vamp", "blues"), 86, 122),
    Style(r"soul|motown|r&b|/rb|rnb|r\+b", "soul", ("pop", "vamp", "blues"), 66, 130),
    Style(r"spiritual", "gospel", ("pop", "folk"), 65, 120),
    Style(r"folk", "folk", ("folk",), 75, 130),
    Style(r"stdlib/broadway(?!waltz)", "musical", ("jazz", "pop"), 96, 145, in_two=1.0),
    Style(r"broadway|showtune|softshoe", "musical", ("jazz", "pop"), 75, 135),
    Style(r"metal|mtl|hrk|thr|punk", "metal", ("rock", "minor"), 88, 170),
    Style(r"ambient|amb0", "ambient", ("modal", "pop"), 62, 105),
    Style(r"twist|jive|50s", "rock", ("blues", "pop", "rock"), 128, 178),
    Style(r"rock|highfive|8beat|beat8|08beat", "rock", ("rock", "pop"), 82, 148),
    Style(r"", "pop", ("pop", "minor", "rock"), 78, 134),
)


@dataclass(frozen=True)
class Groove:
    """One main groove.

    Attributes:
        library: path of its file in the library folder, without suffix.
        name: name of the groove.
        quarters: duration of its bar in MMA's beats, which are quarter notes in the MIDI file.
        metre: felt metre.
    """

    library: str
    name: str
    quarters: float
    metre: Metre

    @property
    def full_name(self) -> str:
        """Name for MMA's directive Groove."""
        return f"{self.library}:{self.name}"

    @property
    def style(self) -> Style:
        """The first style in STYLES that matches."""
        text = f"/{self.full_name}".lower()
        return next(style for style in STYLES if re.search(style.pattern, text))

    @property
    def drums_only(self) -> bool:
        """Whether it is a pattern of a drum machine, from the zoom libraries."""
        return self.library.startswith("zoom/")


def read_libraries(folder: Path) -> dict[str, tuple[Groove, ...]]:
    """Read the main grooves of all library files in a folder, by library."""
    libraries: dict[str, tuple[Groove, ...]] = {}
    for path in sorted(folder.glob("*/*.mma")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        grooves = _grooves(name, path.read_text(encoding="utf-8", errors="replace"))
        if grooves:
            libraries[name] = grooves
    return libraries


def _grooves(library: str, text: str) -> tuple[Groove, ...]:
    quarters, signature = 4.0, ""
    found: dict[str, Groove] = {}
    for line in text.splitlines():
        words = line.split("//")[0].split()
        if len(words) < 2:
            continue
        directive = words[0].lower()
        if directive == "time" and re.fullmatch(r"\d+(/\d+)?", words[1]):
            quarters = float(words[1].split("/")[0])
            signature = words[1] if "/" in words[1] else signature
        elif directive == "timesig":
            signature = "/".join(words[1:3]) if len(words) > 2 else words[1]
        elif directive == "defgroove" and _is_main(library, words[1]):
            metre = metre_of(f"{library}:{words[1]}", quarters, signature)
            if metre is not None:
                found[words[1]] = Groove(library, words[1], quarters, metre)
    return tuple(found.values())


def _is_main(library: str, groove: str) -> bool:
    if library.startswith("pflib/") and _PFLIB_LEFT_OUT.search(groove):
        return False
    return not (_LIBRARIES_LEFT_OUT.search(library) or _GROOVES_LEFT_OUT.search(groove))


def metre_of(name: str, quarters: float, signature: str) -> Metre | None:
    """Return the felt metre of a groove.

    MMA counts a bar of 6/8 as six, four or two quarters; the felt beats are always two dotted quarters.

    Args:
        name: full name of the groove.
        quarters: duration of its bar in MMA's beats.
        signature: time signature, "" if not given.

    Returns:
        The metre; None if it cannot be determined.
    """
    if re.search(r"128", name):
        return Metre("12/8", (1.0,) * 4) if quarters == 4 else None
    if signature == "6/8" or quarters == 6:
        return Metre("6/8", (quarters / 2,) * 2)
    return {2.0: METRES["2/4"], 3.0: METRES["3/4"], 4.0: METRES["4/4"], 5.0: METRES["5/4"]}.get(quarters)


def draw_library(rng: np.random.Generator, libraries: dict[str, tuple[Groove, ...]]) -> tuple[Groove, ...]:
    """Return a random library; those with many grooves are more likely, those of common genres less."""
    names = list(libraries)
    genres = [libraries[name][0].style.genre for name in names]
    weights = np.array([len(libraries[name]) ** 0.5 for name in names])
    weights *= [1.0 if libraries[name][0].metre.name == "4/4" else 1.5 for name in names]
    totals = {genre: sum(weights[k] for k, other in enumerate(genres) if other == genre) for genre in genres}
    weights /= [totals[genre] ** 0.5 for genre in genres]
    return libraries[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
