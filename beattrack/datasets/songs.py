"""What training reads: songs as quantised spectrograms with their beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Trust = Literal["yes", "est", "no"]

HARMONY_RATIO = 10  # frames of the spectrogram for one of the slow view


@dataclass(frozen=True, kw_only=True)
class Quantisation:
    """How a level becomes a magnitude: 10^((step_db q + floor_db) / 20), 0 for level 0."""

    step_db: float
    floor_db: float

    def magnitude(
        self, levels: NDArray[np.uint8], *, dither: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Turn levels into magnitudes; `dither`, in steps from -0.5 to 0.5, fills the gaps between them."""
        steps = levels.astype(np.float32)
        if dither is not None:
            steps += dither
        magnitudes: NDArray[np.float32] = np.exp(
            (steps * self.step_db + self.floor_db) * np.float32(np.log(10.0) / 20.0)
        )
        magnitudes[levels == 0] = 0.0
        return magnitudes

    def levels(self, magnitudes: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Turn magnitudes into the nearest levels; what lies below half a step over the floor becomes 0."""
        with np.errstate(divide="ignore"):
            steps = (20.0 * np.log10(magnitudes) - self.floor_db) / self.step_db
        return np.clip(np.round(steps), 0, 255).astype(np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Song:
    """One song to train on.

    id: unique within its source.
    source: where it comes from, finer than the dataset; genre: a label, empty where unknown.
    group: equal for versions of one title or one artist, which belong on one side of any split.
    downbeats: `yes` trusted, `est` an estimated phase, `no` not to be used.
    levels: (frames, bands) quantised magnitudes at `fps` frames a second; may be memory-mapped.
    harmony: (slow frames, bands) quantised magnitudes of the slow view, `HARMONY_RATIO` frames of `levels`
        for each; None if it was not computed.
    beats: (beats,) seconds; positions: (beats,) position in the bar, 1 = downbeat, 0 where unknown.
    felt: whether the beats are those that listeners tap; charts of games may count twice as many.
    """

    id: str
    source: str
    genre: str
    group: str
    licence: str
    downbeats: Trust
    levels: NDArray[np.uint8]
    quantisation: Quantisation
    fps: int
    beats: NDArray[np.float64]
    positions: NDArray[np.int64]
    felt: bool = True
    harmony: NDArray[np.uint8] | None = None

    @property
    def bpm(self) -> float:
        """Tempo from the median inter-beat interval."""
        return 60.0 / float(np.median(np.diff(self.beats)))

    @property
    def metre(self) -> int:
        """Beats of the longest bar, 0 where bars are not known."""
        return int(self.positions.max(initial=0)) if self.downbeats != "no" else 0

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.levels) / self.fps
