"""Songs for training: quantised spectrograms with beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Trust = Literal["yes", "est", "no"]

HARMONY_RATIO = 10  # frames of the spectrogram per frame of the harmony view


class Levels(Protocol):
    """Quantised magnitudes, (frames, bands): an array, or an object that reads frames when it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, bands)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, kw_only=True)
class Quantisation:
    """Levels from 0 to 255 for magnitudes: level q means 10^((step_db * q + floor_db) / 20), level 0 silence.

    Attributes:
        step_db: step between two levels in dB.
        floor_db: offset of the levels in dB.
    """

    step_db: float
    floor_db: float

    def magnitude(
        self, levels: NDArray[np.uint8], *, dither: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Convert levels to magnitudes.

        Args:
            levels: levels of any shape.
            dither: offsets of the same shape, from -0.5 to 0.5 steps, to fill the gaps between levels.

        Returns:
            Magnitudes of the same shape, float32.
        """
        steps = levels.astype(np.float32)
        if dither is not None:
            steps += dither
        magnitudes: NDArray[np.float32] = np.exp(
            (steps * self.step_db + self.floor_db) * np.float32(np.log(10.0) / 20.0)
        )
        magnitudes[levels == 0] = 0.0
        return magnitudes

    def levels(self, magnitudes: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Convert magnitudes to the nearest levels; those less than half a step above the floor become 0."""
        with np.errstate(divide="ignore"):
            steps = (20.0 * np.log10(magnitudes) - self.floor_db) / self.step_db
        return np.clip(np.round(steps), 0, 255).astype(np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Song:
    """A song for training.

    Attributes:
        id: name, unique within its source.
        source: part of the dataset that the song comes from.
        genre: genre label, "" if unknown.
        group: equal for songs that must be on the same side of a split, such as versions of one title.
        licence: licence of the recording.
        downbeats: `yes` if they can be trusted, `est` if their phase is an estimate, `no` if they must not be
            used.
        levels: quantised spectrogram, shape (frames, bands); may be memory-mapped, or still in a pack.
        quantisation: quantisation of `levels` and `harmony`.
        fps: frames of `levels` per second.
        beats: beat times in seconds, shape (beats,).
        positions: position of each beat in its bar, 1 = downbeat, 0 = unknown, shape (beats,).
        felt: whether the beats are at the tempo at which listeners tap; charts of games may be twice as fast.
        harmony: quantised harmony view, shape (slow frames, bands), one frame per `HARMONY_RATIO` frames of
            `levels`; None if it was not computed.
    """

    id: str
    source: str
    genre: str
    group: str
    licence: str
    downbeats: Trust
    levels: Levels
    quantisation: Quantisation
    fps: int
    beats: NDArray[np.float64]
    positions: NDArray[np.int64]
    felt: bool = True
    harmony: Levels | None = None

    @property
    def bpm(self) -> float:
        """Tempo in BPM, from the median inter-beat interval."""
        return 60.0 / float(np.median(np.diff(self.beats)))

    @property
    def metre(self) -> int:
        """Beats in the longest bar; 0 if the downbeats must not be used."""
        return int(self.positions.max(initial=0)) if self.downbeats != "no" else 0

    @property
    def seconds(self) -> float:
        """Duration of the recording in seconds."""
        return len(self.levels) / self.fps
