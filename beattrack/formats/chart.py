"""Charts of Clone Hero and Moonscraper, `.chart`: the sync track alone, as a start for a chart.

`B` states a tempo in thousandths of a BPM, `TS` a time signature: numerator and, if it is not 4, the power
of two of the denominator. Tick 0 is time 0, so the sync track begins with a lead-in (see `grid`).

Source: "Chart file format", Guitar Hero Clone charting documentation
(TheNathannator/GuitarGame_ChartFormats).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from beattrack.formats.grid import Signature, grid
from beattrack.formats.markup import title
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import FEW_CHANGES

if TYPE_CHECKING:
    from beattrack.result import Beats

RESOLUTION = 192  # ticks per quarter note


class ChartWriter:
    """Write `.chart` files."""

    suffix = ".chart"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or FEW_CHANGES

    def render(self, beats: Beats) -> str:
        """Return a chart without notes."""
        found = grid(beats, tolerance=self._tolerance, quantise=_thousandths)
        events = [(int(signature.place * RESOLUTION), 0, _metre(signature)) for signature in found.signatures]
        events += [
            (round(piece.place * RESOLUTION), 1, f"B {round(piece.bpm * 1000)}") for piece in found.tempi
        ]
        song = [
            f'Name = "{_quoted(title(beats.file))}"',
            "Offset = 0",
            f"Resolution = {RESOLUTION}",
            f'MusicStream = "{_quoted(os.path.basename(beats.file or ""))}"',
        ]
        sync = [f"{tick} = {event}" for tick, _, event in sorted(events)]
        return _section("Song", song) + _section("SyncTrack", sync) + _section("Events", [])


def _metre(signature: Signature) -> str:
    power = signature.denominator.bit_length() - 1
    return f"TS {signature.numerator}" if power == 2 else f"TS {signature.numerator} {power}"


def _thousandths(period: float) -> float:
    return 60 / max(round(60 / period, 3), 0.001)


def _section(name: str, lines: list[str]) -> str:
    return "\n".join([f"[{name}]", "{", *(f"  {line}" for line in lines), "}"]) + "\n"


def _quoted(text: str) -> str:
    return "".join(c if c.isprintable() and c != '"' else "'" if c == '"' else "?" for c in text)
