"""The interface of decoders, which compute beats from activations."""

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

    Attributes:
        times: beat times in seconds, strictly increasing, at least 0 and before the end, shape (beats,).
        positions: position of each beat in its bar, 1 = downbeat, shape (beats,); None if only beats were
            tracked.
        log_probability: log-probability of the best path; None if the decoder has none.
        beats_per_bar: metre that was found; None if the decoder found none.
        on_peaks: whether beats are on peaks of the activation, so that `fine_times` can place them between
            frames.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64] | None = None
    log_probability: float | None = None
    beats_per_bar: int | None = None
    on_peaks: bool = False

    @classmethod
    def empty(cls, *, bars: bool) -> Decoding:
        """Return a decoding without beats; `bars` says whether downbeats were tracked."""
        return cls(times=np.empty(0), positions=np.empty(0, dtype=np.int64) if bars else None)

    def keep(self, kept: NDArray[np.bool_]) -> Decoding:
        """Return the decoding with only the beats in a mask of shape (beats,)."""
        if kept.all():
            return self
        if not kept.any():
            return Decoding.empty(bars=self.positions is not None)
        positions = None if self.positions is None else self.positions[kept]
        return replace(self, times=self.times[kept], positions=positions)


class Decoder(Protocol):
    """A decoder, which computes beats from activations."""

    @property
    def name(self) -> str:
        """Name of the decoder, such as `dbn`."""
        ...

    @property
    def settings(self) -> object:
        """Settings of the decoder, such as `DBNSettings`: plain values or a dataclass of them."""
        ...

    def __call__(self, activations: Activations) -> Decoding:
        """Compute the beats of a recording."""
        ...


def probabilities(values: Float) -> Float:
    """Return activations as probabilities from 0 to 1.

    Args:
        values: activations of any shape and float type.

    Returns:
        The values clipped to 0 to 1, with 0 for NaN. Half precision becomes single, long double becomes
        double.
    """
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
