"""DAWproject, the exchange format of Bitwig Studio, Cubase, Studio One and others: tempo, metre and markers.

A file is a ZIP archive with `project.xml` and `metadata.xml`. Times are in quarter notes.

Source: https://github.com/bitwig/dawproject, version 1.0, `Project.xsd` and `MetaData.xsd`.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from beattrack.formats.grid import Grid, grid
from beattrack.formats.markup import DECLARATION, decimal, element, escaped, title
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import EXACT
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.result import Beats

_TEMPO, _METRE = "tempo", "metre"
_SAVED = (1980, 1, 1, 0, 0, 0)  # the earliest date of an archive, so that equal beats give equal files


class DawProjectWriter:
    """Write `.dawproject` files."""

    suffix = ".dawproject"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or EXACT

    def render(self, beats: Beats) -> bytes:
        """Return an archive."""
        name = f"<Title>{escaped(title(beats.file))}</Title>"
        files = {
            "project.xml": _project(grid(beats, tolerance=self._tolerance)),
            "metadata.xml": f"{DECLARATION}\n<MetaData>\n  {name}\n</MetaData>\n",
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, text in files.items():
                entry = zipfile.ZipInfo(path, _SAVED)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, text)
        return buffer.getvalue()


def _project(found: Grid) -> str:
    tempo, metre = found.tempi[0], found.signatures[0]
    transport = [
        element("Tempo", {"id": _TEMPO, "name": "Tempo", "unit": "bpm", "value": decimal(tempo.bpm, 9)}),
        element(
            "TimeSignature",
            {"id": _METRE, "numerator": metre.numerator, "denominator": metre.denominator},
        ),
    ]
    points = [
        element(
            "RealPoint",
            {"time": decimal(piece.place, 6), "value": decimal(piece.bpm, 9), "interpolation": "hold"},
        )
        for piece in found.tempi
    ]
    metres = [
        element(
            "TimeSignaturePoint",
            {
                "time": decimal(float(signature.place), 6),
                "numerator": signature.numerator,
                "denominator": signature.denominator,
            },
        )
        for signature in found.signatures
    ]
    arrangement = [
        element("Lanes", {"id": "lanes", "timeUnit": "beats"}),
        *_markers(found),
        element(
            "TempoAutomation",
            {"id": "tempi", "timeUnit": "beats", "unit": "bpm"},
            [element("Target", {"parameter": _TEMPO}), *points],
        ),
        element(
            "TimeSignatureAutomation",
            {"id": "metres", "timeUnit": "beats"},
            [element("Target", {"parameter": _METRE}), *metres],
        ),
    ]
    parts = [
        element("Application", {"name": "beattrack", "version": __version__}),
        element("Transport", {}, transport),
        element("Arrangement", {"id": "arrangement"}, arrangement),
    ]
    return f"{DECLARATION}\n{element('Project', {'version': '1.0'}, parts)}\n"


def _markers(found: Grid) -> list[str]:
    markers = [
        element("Marker", {"time": decimal(float(place), 6), "name": f"Bar {number}"})
        for number, place in enumerate(found.bars, 1)
    ]
    return [element("Markers", {"id": "bars", "timeUnit": "beats"}, markers)] if markers else []
