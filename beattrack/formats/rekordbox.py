"""Collections of rekordbox as XML: one track with its beat grid.

A `TEMPO` begins a piece of constant tempo: `Inizio` in seconds, `Bpm` with two decimals, `Battito` the
position in the bar. rekordbox counts 1 to 4 from there, so bars of another length need a `TEMPO` each.

Source: "rekordbox XML format list" of AlphaTheta, formerly Pioneer DJ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beattrack.formats.grid import counted, spaced
from beattrack.formats.markup import DECLARATION, element, file_url, title
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import FEW_CHANGES, tempo_map
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.result import Beats

_METRE = 4  # in which rekordbox counts


class RekordboxWriter:
    """Write rekordbox collections."""

    suffix = ".xml"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or FEW_CHANGES

    def render(self, beats: Beats) -> str:
        """Return a collection of one track. Its location is absolute if the recording's path is known."""
        track = element(
            "TRACK",
            {
                "TrackID": 1,
                "Name": title(beats.file),
                "TotalTime": round(beats.duration),
                "AverageBpm": f"{beats.bpm or 0:.2f}",
                "Location": None if beats.file is None else file_url(beats.file, host="localhost"),
            },
            _tempi(beats, self._tolerance),
        )
        root = element(
            "DJ_PLAYLISTS",
            {"Version": "1.0.0"},
            [
                element("PRODUCT", {"Name": "beattrack", "Version": __version__, "Company": ""}),
                element("COLLECTION", {"Entries": 1}, [track]),
                element(
                    "PLAYLISTS",
                    {},
                    [element("NODE", {"Type": 0, "Name": "ROOT", "Count": 0})],
                ),
            ],
        )
        return f"{DECLARATION}\n{root}\n"


def _tempi(beats: Beats, tolerance: float) -> list[str]:
    times = spaced(beats.times.tolist())
    counts = counted(times)
    positions = _positions(beats, counts)
    breaks = {
        index
        for index in range(1, len(times))
        if positions[index] != _moved(positions[index - 1], counts[index] - counts[index - 1])
    }
    pieces = tempo_map(times, counts, tolerance=tolerance, quantise=_two_decimals, breaks=breaks)
    place = dict(zip(counts, positions, strict=True))
    metre = beats.metre or _METRE
    return [
        element(
            "TEMPO",
            {
                "Inizio": f"{piece.time:.3f}",
                "Bpm": f"{piece.bpm:.2f}",
                "Metro": f"{metre}/4",
                "Battito": place[int(piece.place)],
            },
        )
        for piece in pieces
    ]


def _positions(beats: Beats, counts: list[int]) -> list[int]:
    """Return positions in the bar that rekordbox can count; from 1 on if none are known."""
    if beats.positions is None:
        return [_moved(1, count) for count in counts]
    return [_moved(1, position - 1) for position in beats.positions.tolist()]


def _moved(position: int, beats: int) -> int:
    return (position - 1 + beats) % _METRE + 1


def _two_decimals(period: float) -> float:
    return 60 / max(round(60 / period, 2), 0.01)
