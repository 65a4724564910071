"""Parts of the spectrogram and the harmony view: input checks, Fourier transforms, sparse filterbanks."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import AudioError

Float32: TypeAlias = NDArray[np.float32]

# BLAS libraries start threads for products of more than about 2^18 multiplications. Products with the filters
# of a few neighbouring bands stay below that and skip most zeros of the filterbank. They are five times as
# fast on one core, and leave no spinning threads that compete with those of the network.
MAX_MULTIPLICATIONS = 1 << 18
NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"


def checked_samples(samples: ArrayLike) -> Float32:
    """Return mono samples as float32.

    Args:
        samples: floats of shape (samples,).

    Raises:
        AudioError: if the samples are of another shape or type.
    """
    array = np.asarray(samples)
    if array.ndim != 1 or array.dtype.kind != "f":
        raise AudioError(
            f"samples must be (samples,) floats, not {array.dtype} of shape {array.shape}; "
            "use beattrack.audio.from_samples to convert them"
        )
    return array.astype(np.float32, copy=False)


def thin_products(bank: Float32, frames: int) -> list[tuple[slice, slice, Float32]]:
    """Split a filterbank into runs of neighbouring bands that BLAS multiplies without threads.

    Args:
        bank: filters as columns, (bins, bands).
        frames: number of rows of the magnitudes that the filters are multiplied with.

    Returns:
        Bins, bands and weights of each run; weights have the shape (bins of the run, bands of the run).
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

    Allocating them for every block would take longer than the arithmetic, because the system clears pages.

    Args:
        frames: number of frames in a block.
        frame_size: samples in a frame.
        bins: number of frequency bins whose magnitudes are needed.
    """

    def __init__(self, frames: int, frame_size: int, bins: int) -> None:
        self.frames = np.empty((frames, frame_size), np.float32)
        self.magnitude = np.empty((frames, bins), np.float32)
        self._spectrum = np.empty((frames, frame_size // 2 + 1), np.complex64)

    def transform(self, frames: Float32) -> NDArray[Any]:
        """Compute the real FFT of each frame, divided by the frame size.

        NumPy 1 computes it in double precision and without the buffer.

        Args:
            frames: windowed frames, shape (n, frame_size).

        Returns:
            Spectra of shape (n, frame_size // 2 + 1), valid until the next call.
        """
        # NumPy 2 stays in single precision, which takes an eighth of the time, only if the factor is of that
        # type; the factor of the norm "backward" is an integer.
        if NUMPY_1:
            return np.fft.rfft(frames, axis=1, norm="forward")
        out: Any = self._spectrum[: len(frames)]  # NumPy's type stubs lack single precision here
        return np.fft.rfft(frames, axis=1, norm="forward", out=out)


def nonzero_rows(bank: Float32) -> slice:
    """Return the rows of a filterbank from the first to the last that is not all zero.

    Args:
        bank: filters as columns, (bins, bands).
    """
    rows = np.flatnonzero(bank.any(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1)
