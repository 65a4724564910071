"""Beatmaps of osu! with timing points alone, as a start for a chart.

A point that is not inherited is `time,beatLength,meter,sampleSet,sampleIndex,volume,1,effects` with times in
milliseconds; a bar begins at it. A point inside a bar has the effect that leaves out its bar line, and a
point at the next downbeat follows.

Source: "osu! (file format)", version 14, https://osu.ppy.sh/wiki.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from beattrack.formats.grid import counted, downbeat_indices, metre_of, spaced
from beattrack.formats.markup import decimal, title
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import FEW_CHANGES, TempoPiece, tempo_map

if TYPE_CHECKING:
    from beattrack.result import Beats

_NO_BAR_LINE = 8


class OsuWriter:
    """Write `.osu` files."""

    suffix = ".osu"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or FEW_CHANGES

    def render(self, beats: Beats) -> str:
        """Return a beatmap without objects."""
        name = _one_line(title(beats.file))
        sections = {
            "General": [f"AudioFilename: {_one_line(os.path.basename(beats.file or ''))}", "Mode: 0"],
            "Metadata": [f"Title:{name}", "Artist:", "Creator:beattrack", "Version:timing"],
            "Difficulty": [
                "HPDrainRate:5",
                "CircleSize:4",
                "OverallDifficulty:5",
                "ApproachRate:5",
                "SliderMultiplier:1.4",
                "SliderTickRate:1",
            ],
            "Events": [],
            "TimingPoints": list(_points(beats, self._tolerance)),
            "HitObjects": [],
        }
        blocks = ["\n".join([f"[{section}]", *lines]) for section, lines in sections.items()]
        return "\n\n".join(["osu file format v14", *blocks]) + "\n"


def _points(beats: Beats, tolerance: float) -> Iterator[str]:
    times = spaced(beats.times.tolist())
    counts = counted(times)
    downbeats = [counts[index] for index in downbeat_indices(beats)]
    metres = _metres(downbeats, metre_of(beats))
    changes = {place for before, place in pairwise(downbeats) if metres[place] != metres[before]}
    breaks = {index for index, count in enumerate(counts) if count in changes}
    pieces = tempo_map(times, counts, tolerance=tolerance, breaks=breaks)
    ends = [*(piece.place for piece in pieces[1:]), math.inf]
    for piece, end in zip(pieces, ends, strict=False):
        place = int(piece.place)
        begun = [downbeat for downbeat in downbeats if downbeat <= place]
        metre = metres[begun[-1]] if begun else metre_of(beats)
        inside = bool(downbeats) and place not in metres
        yield _point(piece, place, metre, _NO_BAR_LINE if inside else 0)
        following = [downbeat for downbeat in downbeats if downbeat > place]
        if inside and following and following[0] < end:
            yield _point(piece, following[0], metres[following[0]], 0)


def _metres(downbeats: list[int], usual: int) -> dict[int, int]:
    """Return the length of the bar at each downbeat; the last bar counts as long as the one before it."""
    lengths = {before: after - before for before, after in pairwise(downbeats)}
    if downbeats:
        lengths[downbeats[-1]] = list(lengths.values())[-1] if lengths else usual
    return lengths


def _point(piece: TempoPiece, place: int, metre: int, effects: int) -> str:
    time = round(piece.at(place) * 1000)
    return f"{time},{decimal(piece.period * 1000, 9)},{metre},1,0,100,1,{effects}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
