"""Settings of the output formats that have any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from beattrack.errors import SettingsError
from beattrack.formats.milliseconds import seconds_text, whole
from beattrack.runtime import checks

Units = Literal["seconds", "ms", "samples", "frames"]
UNITS: tuple[Units, ...] = get_args(Units)

TOLERANCES = (0.0001, 1.0)  # seconds
FRAME_RATE = 100.0  # of the activations


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How to write times.

    Attributes:
        units: unit of the times.
        rate: samples or frames per second, for these units and for formats that count samples; None for 100
            frames, or 44 100 samples in formats that cannot do without.
        tolerance: largest distance of a tempo map from a beat, in seconds; None for that of the format.
        fps: video frames per second, for markers of video editors; None for 24.
    """

    units: Units = "seconds"
    rate: float | None = None
    tolerance: float | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        rate = checks.optional(checks.between(1, 10_000_000))
        tolerance = checks.optional(checks.between(*TOLERANCES))
        checks.apply(
            self,
            {
                "units": checks.choice(UNITS),
                "rate": rate,
                "tolerance": tolerance,
                "fps": checks.optional(checks.between(1, 1000)),
            },
        )

    def times_text(self, times: list[float]) -> list[str]:
        """Return times as text in these units, strictly increasing.

        Raises:
            SettingsError: if the units are samples and no rate is given.
        """
        if self.units == "seconds":
            return list(seconds_text(times))
        return [str(count) for count in whole(times, self.per_second)]

    @property
    def per_second(self) -> float:
        """The number of units in a second."""
        if self.units == "samples" and self.rate is None:
            raise SettingsError("the sample rate is not known; state it with rate (--rate)")
        usual = {"seconds": 1.0, "ms": 1000.0}.get(self.units)
        return usual or self.rate or FRAME_RATE


DEFAULT = WriteOptions()
