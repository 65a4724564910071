"""Reduction of frames to the columns of a picture, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Columns:
    """Values along the time.

    Attributes:
        values: shape (columns,) or (columns, bands).
        start: left edge of the first column, in seconds.
        seconds: width of a column.
    """

    values: NDArray[np.floating]
    start: float
    seconds: float

    @property
    def end(self) -> float:
        """Right edge of the last column, in seconds."""
        return self.start + len(self.values) * self.seconds


def stride(frames: int, most: int) -> int:
    """Return how many frames to draw as one column, so that there are at most `most` columns."""
    return max(math.ceil(frames / most), 1)


def reduced(blocks: Iterable[Float32], first: int, last: int, step: int) -> Float32:
    """Return the mean of every `step` frames.

    Args:
        blocks: frames in order, each of shape (n, bands); none is read after the last one needed.
        first: frame to start with.
        last: frame to stop before.
        step: frames in a column; the last column may have fewer.

    Returns:
        Shape (columns, bands).
    """
    columns: list[Float32] = []
    pending: list[Float32] = []
    count = position = 0
    for block in blocks:
        part = block[max(first - position, 0) : max(last - position, 0)]
        position += len(block)
        pending.append(part)
        count += len(part)
        if count >= step:
            joined = np.concatenate(pending)
            whole = count - count % step
            columns.append(joined[:whole].reshape(-1, step, joined.shape[1]).mean(axis=1))
            pending, count = [joined[whole:].copy()], count % step
        if position >= last:
            break
    if count:
        columns.append(np.concatenate(pending).mean(axis=0, keepdims=True))
    return np.concatenate(columns) if columns else np.zeros((0, 1), np.float32)


def peaks(values: NDArray[np.floating], step: int) -> NDArray[np.float64]:
    """Return the maximum of every `step` values (frames,), NaN read as 0, so that no peak is lost."""
    clean = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    padded = np.pad(clean, (0, -len(clean) % step))
    highest: NDArray[np.float64] = padded.reshape(-1, step).max(axis=1, initial=0.0)
    return highest
