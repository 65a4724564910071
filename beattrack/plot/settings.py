"""What to draw."""

from __future__ import annotations

from dataclasses import dataclass

from beattrack.audio.excerpt import Excerpt
from beattrack.errors import SettingsError

PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class PlotSettings(Excerpt):
    """Which part of a recording to draw; see `Excerpt` for the attributes and errors."""

    def window(self, duration: float) -> tuple[float, float]:
        """Return start and end of the part in a recording of `duration` seconds.

        Raises:
            SettingsError: if the recording ends before the part starts.
        """
        if duration <= self.start:
            raise SettingsError(f"nothing to draw from {self.start:g} s on; it is {duration:.2f} s long")
        return self.start, duration if self.end is None else min(self.end, duration)
