"""Simfiles of StepMania with timing alone, as a start for a chart.

`#BPMS` holds beats and tempi, `#OFFSET` the seconds from beat 0 to the start of the recording. Measures have
four beats, and beat 0 begins one: it is placed so that the first downbeat does too.

Source: the StepMania wiki, "sm".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from beattrack.formats.grid import counted, pick_up, spaced
from beattrack.formats.markup import title
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import FEW_CHANGES, TempoPiece, tempo_map, time_at

if TYPE_CHECKING:
    from beattrack.result import Beats

_MEASURE = 4
_DECIMALS = 6


class StepManiaWriter:
    """Write `.sm` files."""

    suffix = ".sm"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or FEW_CHANGES

    def render(self, beats: Beats) -> str:
        """Return a simfile without notes."""
        times = spaced(beats.times.tolist())
        before = -pick_up(beats) % _MEASURE
        places = [float(before + count) for count in counted(times)]
        pieces = tempo_map(times, places, tolerance=self._tolerance, quantise=_rounded)
        pieces = pieces or [TempoPiece(float(before), times[0] if times else 0.0, 0.5)]
        starts = [0.0, *(piece.place for piece in pieces[1:])]
        tempi = zip(starts, pieces, strict=True)
        tags = {
            "TITLE": title(beats.file),
            "MUSIC": os.path.basename(beats.file or ""),
            "OFFSET": f"{-time_at(pieces, 0.0):.6f}",
            "BPMS": "\n,".join(f"{place:.3f}={piece.bpm:.{_DECIMALS}f}" for place, piece in tempi),
            "STOPS": "",
        }
        raw = ("OFFSET", "BPMS")
        return "".join(f"#{tag}:{value if tag in raw else _escaped(value)};\n" for tag, value in tags.items())


def _rounded(period: float) -> float:
    return 60 / max(round(60 / period, _DECIMALS), 1e-6)


def _escaped(text: str) -> str:
    one_line = "".join(character if character.isprintable() else "?" for character in text)
    return "".join(f"\\{c}" if c in "\\:;#" else c for c in one_line.replace("//", "/"))
