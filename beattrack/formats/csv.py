"""The CSV format: columns `time,position,confidence`, with empty positions if only beats were tracked.

In other units than seconds the first column is called `time_ms`, `time_samples` or `time_frames`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beattrack.formats.options import DEFAULT, WriteOptions

if TYPE_CHECKING:
    from beattrack.result import Beats


class CsvWriter:
    """Writer of `.csv` files."""

    suffix = ".csv"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._options = options

    def render(self, beats: Beats) -> str:
        """Return the header and one line per beat."""
        positions = [""] * len(beats) if beats.positions is None else beats.positions.tolist()
        times = self._options.times_text(beats.times.tolist())
        rows = zip(times, positions, beats.confidence.tolist(), strict=True)
        lines = [f"{time},{position},{confidence:.4f}" for time, position, confidence in rows]
        units = self._options.units
        time = "time" if units == "seconds" else f"time_{units}"
        return "\n".join([f"{time},position,confidence", *lines]) + "\n"
