"""What is known of the reliability of a result beyond the confidence of its beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import SettingsError
from beattrack.runtime import checks
from beattrack.runtime.values import ComparedByValue

# A file of a lower certainty should be checked.
CHECK_BELOW = 0.75

_SHARE = checks.share()
_SHARE_OR_NONE = checks.optional(_SHARE)


@dataclass(frozen=True, eq=False)
class Certainty(ComparedByValue):
    """Calibrated probabilities that parts of a result are right.

    Attributes:
        file: probability that the beats of the file are right: that their F-measure is at least 0.9.
        tempo: probability that the tempo is right within 4 %; None if there is no tempo.
        metre: probability that the number of beats in a bar is right; None if it is unknown.
        downbeats: probability that each beat is a downbeat, shape (beats,); None if only beats were tracked.

    Raises:
        SettingsError: if a value is not a probability.
    """

    file: float
    tempo: float | None = None
    metre: float | None = None
    downbeats: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        checks.apply(
            self, {"file": _SHARE, "tempo": _SHARE_OR_NONE, "metre": _SHARE_OR_NONE}, prefix="certainty."
        )
        if self.downbeats is not None:
            downbeats = np.array(self.downbeats)  # a copy, so that nobody else can write to it
            numbers = downbeats.ndim == 1 and (downbeats.dtype.kind in "fiu" or not downbeats.size)
            if not numbers or not ((downbeats >= 0) & (downbeats <= 1)).all():
                raise SettingsError("certainty.downbeats must be numbers between 0 and 1")
            downbeats = downbeats.astype(np.float64)
            downbeats.flags.writeable = False
            object.__setattr__(self, "downbeats", downbeats)

    @property
    def low(self) -> bool:
        """Whether the file should be checked."""
        return self.file < CHECK_BELOW

    def of_beats(self, tracked: NDArray[np.int64]) -> Certainty:
        """Return the certainty of other beats.

        Args:
            tracked: index of the beat that each of them was; negative for an added beat, which has a
                probability of 0. Shape (other beats,).
        """
        if self.downbeats is None:
            return self
        known = np.append(self.downbeats, 0.0)
        return replace(self, downbeats=known[np.where(tracked < 0, len(self.downbeats), tracked)])

    def add_to(self, record: dict[str, Any]) -> None:
        """Add the keys of these values to the record of a result; see `beattrack.result`."""
        record["certainty"] = self.file
        record["metre_confidence"] = self.metre
        if record["tempo"] is not None:
            record["tempo"]["confidence"] = self.tempo
        if self.downbeats is not None:
            for row, value in zip(record["beats"], self.downbeats.tolist(), strict=True):
                row["downbeat_confidence"] = value

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Certainty | None:
        """Read the values from the record of a result; None if it has none.

        Raises:
            SettingsError: if a value is not a probability.
        """
        if record.get("certainty") is None:
            return None
        downbeats = [row.get("downbeat_confidence") for row in record["beats"]]
        return cls(
            file=record["certainty"],
            tempo=(record["tempo"] or {}).get("confidence"),
            metre=record.get("metre_confidence"),
            downbeats=None if None in downbeats or not downbeats else np.array(downbeats, dtype=np.float64),
        )
