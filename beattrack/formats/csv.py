"""The CSV format: columns `time,position,confidence`, with empty positions if only beats were tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beattrack.formats.milliseconds import seconds_text

if TYPE_CHECKING:
    from beattrack.result import Beats


class CsvWriter:
    """Writer of `.csv` files."""

    suffix = ".csv"

    def render(self, beats: Beats) -> str:
        """Return the header and one line per beat."""
        positions = [""] * len(beats) if beats.positions is None else beats.positions.tolist()
        rows = zip(seconds_text(beats.times.tolist()), positions, beats.confidence.tolist(), strict=True)
        lines = [f"{time},{position},{confidence:.4f}" for time, position, confidence in rows]
        return "\n".join(["time,position,confidence", *lines]) + "\n"
