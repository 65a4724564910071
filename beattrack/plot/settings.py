"""What to draw."""

from __future__ import annotations

from dataclasses import dataclass

from beattrack.errors import SettingsError
from beattrack.runtime import checks

PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class PlotSettings:
    """Which part of a recording to draw.

    Attributes:
        start: seconds from the start of the recording.
        end: seconds from the start of the recording; None for its end.

    Raises:
        SettingsError: if a value is negative, or the end is not after the start.
    """

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        checks.apply(self, {"start": checks.at_least(0), "end": checks.optional(checks.positive())})
        if self.end is not None and self.end <= self.start:
            raise SettingsError(f"end must be after start, not {self.end:g} s after {self.start:g} s")

    def window(self, duration: float) -> tuple[float, float]:
        """Return start and end of the part in a recording of `duration` seconds.

        Raises:
            SettingsError: if the recording ends before the part starts.
        """
        if duration <= self.start:
            raise SettingsError(f"nothing to draw from {self.start:g} s on; it is {duration:.2f} s long")
        return self.start, duration if self.end is None else min(self.end, duration)
