"""What both views of the sound share: checks of their input, Fourier transforms, sparse filterbanks."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import AudioError

Float32: TypeAlias = NDArray[np.float32]

# BLAS libraries start threads for products larger than about 2^18 multiplications. Thin products by the
# filters of few neighbouring bands stay below it (and skip most of the filterbank's zeros): five times as
# fast on one core, and no threads are left spinning beside the network's.
MAX_MULTIPLICATIONS = 1 << 18
NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"


def checked_samples(samples: ArrayLike) -> Float32:
    """Return mono samples, (samples,), as float32.

    Raises:
        AudioError: if the samples are of another shape or type.
    """
    array = np.asarray(samples)
    if array.ndim != 1 or array.dtype.kind != "f":
        raise AudioError(
            f"samples must be (samples,) floats, not {array.dtype} of shape {array.shape}; "
            "beattrack.audio.from_samples makes them"
        )
    return array.astype(np.float32, copy=False)


def thin_products(bank: Float32, frames: int) -> list[tuple[slice, slice, Float32]]:
    """Split a filterbank into runs of neighbouring bands, small enough for products without threads.

    Args:
        bank: filters as columns, (bins, bands).
        frames: rows of the magnitudes that are multiplied by the filters.

    Returns:
        Bins, bands and weights (bins of the run, bands of the run) of each run.
    """
    bands = bank.shape[1]
    runs = []
    first = 0
    while first < bands:
        stop = first + 1
        while stop < bands and _multiplications(bank[:, first : stop + 1], frames) <= MAX_MULTIPLICATIONS:
            stop += 1
        bins = nonzero_rows(bank[:, first:stop])
        runs.append((bins, slice(first, stop), np.ascontiguousarray(bank[bins, first:stop])))
        first = stop
    return runs


def _multiplications(bank: Float32, frames: int) -> int:
    bins = nonzero_rows(bank)
    return frames * len(bank[bins]) * len(bank[0])


class Workspace:
    """Buffers for the blocks of one pass.

    Taken anew for every block, they would cost more than the arithmetic: the system clears pages each time.
    """

    def __init__(self, frames: int, frame_size: int, bins: int) -> None:
        self.frames = np.empty((frames, frame_size), np.float32)
        self.magnitude = np.empty((frames, bins), np.float32)
        self._spectrum = np.empty((frames, frame_size // 2 + 1), np.complex64)

    def transform(self, frames: Float32) -> NDArray[Any]:
        """Real FFT of each frame, (n, bins); in double precision by NumPy 1, which takes no buffer."""
        if NUMPY_1:
            return np.fft.rfft(frames, axis=1)
        out: Any = self._spectrum[: len(frames)]  # NumPy's types do not know single precision here
        return np.fft.rfft(frames, axis=1, out=out)


def nonzero_rows(bank: Float32) -> slice:
    """Return the rows of a filterbank (bins, bands) from the first to the last that is not all zero."""
    rows = np.flatnonzero(bank.any(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1)
