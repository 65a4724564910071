"""The grid of a recording, as it is stored with its beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from beattrack.errors import SettingsError
from beattrack.runtime import checks


@dataclass(frozen=True)
class GridPiece:
    """A part of a recording with beats of one tempo.

    Attributes:
        start, end: the part in seconds.
        bpm: beats per minute, rounded to 0.001.
        offset: time of the first beat in seconds; beat k lies at offset + 60 k / bpm.
        beats: number of beats.

    Raises:
        SettingsError: if a value is out of range.
    """

    start: float
    end: float
    bpm: float
    offset: float
    beats: int

    def __post_init__(self) -> None:
        seconds = dict.fromkeys(("start", "end", "offset"), checks.at_least(0))
        checks.apply(self, {**seconds, "bpm": checks.positive(), "beats": checks.at_least(0, whole=True)})


@dataclass(frozen=True)
class Grid:
    """The grid of a recording.

    Attributes:
        gridable: whether one tempo, or a few that each last for a while, pass all beats but a few.
        sentence: that in words, without a full stop.
        pieces: the tempi in order; none if the recording is not gridable.
        residuals: tracked time of each beat minus its time on the grid, in seconds; None for beats that were
            not tracked. Empty if the recording is not gridable.

    Raises:
        SettingsError: if a value is of a wrong type.
    """

    gridable: bool
    sentence: str
    pieces: tuple[GridPiece, ...] = ()
    residuals: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "gridable": checks.flag(),
                "sentence": checks.text(),
                "pieces": checks.several(checks.instance(GridPiece), empty=True),
                "residuals": checks.several(checks.optional(checks.number()), empty=True),
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the grid as plain numbers, lists and dictionaries."""
        return {
            "gridable": self.gridable,
            "sentence": self.sentence,
            "pieces": [asdict(piece) for piece in self.pieces],
            "residuals": list(self.residuals),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Grid:
        """Read a grid from the dictionary that `to_dict` returns.

        Raises:
            SettingsError: if a value is missing, of a wrong type or out of range.
        """
        try:
            pieces = tuple(GridPiece(**piece) for piece in record["pieces"])
            return cls(record["gridable"], record["sentence"], pieces, tuple(record["residuals"]))
        except SettingsError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(
                f"a grid needs gridable, sentence, pieces and residuals ({error!r})"
            ) from error
