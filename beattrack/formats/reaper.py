"""Projects of REAPER: a tempo envelope, time signatures and a marker at each bar.

A point of the envelope is `PT seconds bpm shape`, shape 1 for a constant tempo; with a time signature, its
denominator times 65536 plus its numerator follows. REAPER has no published description; this follows the
state chunks that it saves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beattrack.formats.grid import Grid, Signature, bar_labels, grid
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import EXACT, TempoPiece, time_at
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.result import Beats

_CONSTANT = 1


class ReaperWriter:
    """Write `.rpp` files."""

    suffix = ".rpp"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or EXACT

    def render(self, beats: Beats) -> str:
        """Return a project without tracks; drag the recording into it, to time 0."""
        found = grid(beats, tolerance=self._tolerance)
        first, signature = found.tempi[0], found.signatures[0]
        lines = [
            f'<REAPER_PROJECT 0.1 "beattrack {__version__}" 0',
            f"  TEMPO {first.bpm:.10f} {signature.numerator} {signature.denominator}",
            "  <TEMPOENVEX",
            "    ACT 1 -1",
            "    VIS 1 0 1",
            "    ARM 0",
            f"    DEFSHAPE {_CONSTANT} -1 -1",
            *(f"    {point}" for point in _points(found)),
            "  >",
            *_markers(beats),
            ">",
        ]
        return "\n".join(lines) + "\n"


def _points(found: Grid) -> list[str]:
    """Return the points of the envelope: where the tempo changes, and where the time signature does."""
    signatures = {float(signature.place): signature for signature in found.signatures}
    pieces = {piece.place: piece for piece in found.tempi}
    points = []
    for place in sorted({*signatures, *pieces}):
        piece = pieces.get(place) or _piece_at(found, place)
        time = time_at(found.tempi, place)
        points.append(f"PT {time:.12f} {piece.bpm:.10f} {_CONSTANT}{_code(signatures.get(place))}")
    return points


def _piece_at(found: Grid, place: float) -> TempoPiece:
    return [piece for piece in found.tempi if piece.place <= place][-1]


def _code(signature: Signature | None) -> str:
    if signature is None:
        return ""
    # Not selected; the point sets the time signature.
    return f" {signature.denominator * 65536 + signature.numerator} 0 1"


def _markers(beats: Beats) -> list[str]:
    if beats.positions is None:
        return []
    rows = zip(beats.times.tolist(), beats.positions.tolist(), bar_labels(beats), strict=True)
    bars = [(time, label.partition(".")[0]) for time, position, label in rows if position == 1]
    return [f'  MARKER {number} {time:.12f} "Bar {bar}" 0' for number, (time, bar) in enumerate(bars, 1)]
