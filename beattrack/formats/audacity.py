"""A label track of Audacity: start, end and label, separated by tabs; see the manual, "Importing and
Exporting Labels". A beat is a point, so start and end are equal; its label is `bar.beat`, such as 12.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beattrack.formats.grid import bar_labels
from beattrack.formats.milliseconds import whole

if TYPE_CHECKING:
    from beattrack.result import Beats


class AudacityWriter:
    """Write label tracks."""

    suffix = ".txt"

    def render(self, beats: Beats) -> str:
        """Return one line per beat; beats of unknown bars have the label `beat`."""
        lines = []
        labels = bar_labels(beats) if beats.positions is not None else ["beat"] * len(beats)
        for count, label in zip(whole(beats.times.tolist(), 1e6), labels, strict=True):
            time = f"{count // 1_000_000}.{count % 1_000_000:06d}"  # Audacity's own number of decimals
            lines.append(f"{time}\t{time}\t{label}\n")
        return "".join(lines)
