"""Metres: the felt beats of written bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beattrack.rendering.piece import Floats, Integers


@dataclass(frozen=True)
class Metre:
    """A metre.

    Attributes:
        name: name as written, such as "6/8".
        beats: duration of each felt beat in quarter notes.
    """

    name: str
    beats: tuple[float, ...]

    @property
    def quarters(self) -> float:
        """Duration of a bar in quarter notes."""
        return sum(self.beats)

    @property
    def divisions(self) -> tuple[int, ...]:
        """Sixteenth notes in each felt beat."""
        return tuple(round(4 * beat) for beat in self.beats)

    @property
    def compound(self) -> bool:
        """Whether the beats are dotted, and so divided into three."""
        return all(beat == 1.5 for beat in self.beats)


METRES: dict[str, Metre] = {
    metre.name: metre
    for metre in (
        Metre("2/4", (1, 1)),
        Metre("3/4", (1, 1, 1)),
        Metre("4/4", (1, 1, 1, 1)),
        Metre("5/4", (1, 1, 1, 1, 1)),
        Metre("6/4", (1, 1, 1, 1, 1, 1)),
        Metre("7/4", (1, 1, 1, 1, 1, 1, 1)),
        Metre("2/2", (2, 2)),
        Metre("6/8", (1.5, 1.5)),
        Metre("9/8", (1.5, 1.5, 1.5)),
        Metre("12/8", (1.5, 1.5, 1.5, 1.5)),
        Metre("5/8", (1.0, 1.5)),
        Metre("7/8", (1.0, 1.0, 1.5)),
    )
}


def felt_beats(bar_starts: Floats, metres: list[Metre], unit: float) -> tuple[Floats, Integers]:
    """Compute felt beats from the starts of bars.

    Args:
        bar_starts: start of each bar in any unit of time, shape (bars,).
        metres: metre of each bar.
        unit: duration of a quarter note in that unit.

    Returns:
        Times of the beats, and their positions in the bar from 1, shape (beats,) each.
    """
    times: list[float] = []
    positions: list[int] = []
    for start, metre in zip(bar_starts, metres, strict=True):
        offsets = np.concatenate(([0.0], np.cumsum(metre.beats)[:-1]))
        times.extend(start + unit * offsets)
        positions.extend(range(1, len(metre.beats) + 1))
    return np.array(times, dtype=np.float64), np.array(positions, dtype=np.int64)
