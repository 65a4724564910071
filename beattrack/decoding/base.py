"""From activations to beats: what every decoder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations, Float
from beattrack.runtime.values import ComparedByValue

DecoderName = Literal["dbn", "madmom", "peaks"]


@dataclass(frozen=True, eq=False)
class Decoding(ComparedByValue):
    """The beats of one recording, compared by value.

    times: (beats,) seconds, strictly increasing, from 0 to before the end.
    positions: (beats,) place of each beat in its bar, 1 for a downbeat. None: only beats were tracked.
    log_probability: of the best path, where the decoder has one.
    beats_per_bar: the metre that was found, where the decoder looks for one.
    on_peaks: whether beats were set on the frames of peaks of the activation, whose shape then tells their
        place between frames.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64] | None = None
    log_probability: float | None = None
    beats_per_bar: int | None = None
    on_peaks: bool = False

    @classmethod
    def empty(cls, *, bars: bool) -> Decoding:
        """No beats; `bars` tells whether downbeats were looked for."""
        return cls(times=np.empty(0), positions=np.empty(0, dtype=np.int64) if bars else None)

    def keep(self, kept: NDArray[np.bool_]) -> Decoding:
        """Return the decoding with some of its beats; `kept` is a mask of shape (beats,)."""
        if kept.all():
            return self
        if not kept.any():
            return Decoding.empty(bars=self.positions is not None)
        positions = None if self.positions is None else self.positions[kept]
        return replace(self, times=self.times[kept], positions=positions)


class Decoder(Protocol):
    """Finds the beats in activations."""

    @property
    def name(self) -> str:
        """The name that `make_decoder` knows it by."""
        ...

    @property
    def settings(self) -> object:
        """What it was made with, such as `DBNSettings`: plain values or a dataclass of them."""
        ...

    def __call__(self, activations: Activations) -> Decoding:
        """Decode one recording."""
        ...


def probabilities(values: Float) -> Float:
    """Read activations as probabilities: NaN is 0, what lies outside 0 to 1, infinities too, is clipped.

    Keeps single and double precision as they are, and takes half to single and longer to double.
    """
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
