"""The harmony view, the second input of the network: magnitudes of semitone bands in long frames.

The spectrogram's frames of 46 ms follow every onset but cannot tell one bass note from the next. Frames of
372 ms, ten a second, can: chords change at the start of a bar more often than in its middle.

The bands end at 2.2 kHz, so the samples are decimated by 4 before the Fourier transforms. This costs a third
of the time at the full rate and changes the magnitude of a frequency bin by at most 5e-4 (-66 dB) of the
largest one of the recording; see `MAX_RIPPLE`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import SettingsError
from beattrack.fourier import (
    MAX_MULTIPLICATIONS,
    Float32,
    Workspace,
    checked_samples,
    nonzero_rows,
    thin_products,
)
from beattrack.runtime import checks

FRAMES_PER_BLOCK = 64  # decimated frames, spectra and magnitudes of a block fit the second-level cache
ATTENUATION = 80.0  # dB, of the frequencies that decimation folds onto the bands, and of the filter's ripple
# Largest deviation of a filter from 1 or 0, 1.3e-4. A decimated bin is the sum of `factor` bins: its own, off
# by at most this share, and those folded onto it, of which at most this share is left. It is therefore off by
# at most factor * MAX_RIPPLE of the largest bin, and a band by the sum of its weights times that.
MAX_RIPPLE = 10 ** (-78 / 20)
# Limits of decimation. The low-pass filter needs room between fmax and its alias. It must be much shorter
# than the window, so that the order of filtering and windowing does not matter.
MIN_RATE = 2.4  # decimated sample rate over fmax
MIN_FRAME_SIZE = 1024  # decimated samples in a window


@dataclass(frozen=True)
class HarmonySettings:
    """Settings of the harmony view, stored in the files of models that use it.

    Attributes:
        sample_rate: sample rate in Hz.
        fps: frames per second. Frame t is centred at sample round(t * sample_rate / fps).
        frame_size: samples in a (Hann) window, even and at least the distance between two frames.
        fmin: centre of the lowest band in Hz.
        bands: number of triangular bands.
        bands_per_octave: bands in each octave. A band rises from the centre of the band below it and falls to
            the centre of the band above it.

    Raises:
        SettingsError: if a value is out of range, or if the highest band extends beyond sample_rate / 2.
    """

    sample_rate: int = 22050
    fps: float = 10.0
    frame_size: int = 8192
    fmin: float = 32.7
    bands: int = 73
    bands_per_octave: int = 12

    def __post_init__(self) -> None:
        checks.apply(self, {field.name: checks.positive(whole=field.type == "int") for field in fields(self)})
        if self.frame_size % 2:
            raise SettingsError(f"frame_size must be even, not {self.frame_size}")
        slowest = self.sample_rate / self.frame_size
        if not slowest <= self.fps <= self.sample_rate:
            raise SettingsError(
                f"fps must be at least sample_rate / frame_size = {slowest:g} "
                f"and at most the sample rate {self.sample_rate}, not {self.fps}"
            )
        octaves = math.log2(self.sample_rate / 2 / self.fmin)
        if self.bands > self.bands_per_octave * octaves:
            raise SettingsError(
                f"{self.bands} bands from fmin = {self.fmin:g} Hz, {self.bands_per_octave} per octave, "
                f"extend beyond half the sample rate, {self.sample_rate / 2:g} Hz"
            )

    @property
    def fmax(self) -> float:
        """Upper end of the highest band in Hz."""
        return float(self.fmin * 2 ** (self.bands / self.bands_per_octave))

    @property
    def samples_after(self) -> int:
        """Number of samples after the centre of a frame that the frame depends on, at most."""
        return self.frame_size // 2 + len(_low_pass_taps(self)) // 2

    def frames(self, samples: int) -> int:
        """Return the number of frames whose centre is before the end of a number of samples."""
        return math.ceil(samples * self.fps / self.sample_rate)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as numbers."""
        return asdict(self)


def filterbank(settings: HarmonySettings) -> Float32:
    """Compute the triangular filters of the bands.

    Args:
        settings: settings of the harmony view.

    Returns:
        Filters with a peak of 1, as columns: (frame_size // 2 + 1, bands). A band between two frequency bins
        passes the bin nearest to its centre.
    """
    bins = np.fft.rfftfreq(settings.frame_size, 1 / settings.sample_rate)  # Hz
    centres = settings.fmin * 2 ** (np.arange(-1, settings.bands + 1) / settings.bands_per_octave)
    bank = np.zeros((len(bins), settings.bands), np.float32)
    for band in range(settings.bands):
        bank[:, band] = np.interp(bins, centres[band : band + 3], (0, 1, 0))
        if not bank[:, band].any():
            bank[np.argmin(np.abs(bins - centres[band + 1])), band] = 1
    return bank


class Harmony:
    """Compute the harmony view of samples, whole or block by block.

    There are ceil(samples * fps / sample_rate) frames. Frames at the ends extend beyond the samples into
    silence. A sine of amplitude 1 has a magnitude of about 1 in the bin of its frequency, before the filters
    sum bins.

    Args:
        settings: settings of the harmony view; None takes the defaults.

    Raises:
        SettingsError: if `settings` is of another type.
    """

    def __init__(self, settings: HarmonySettings | None = None) -> None:
        self.settings = HarmonySettings() if settings is None else settings
        checks.instance(HarmonySettings)("settings", self.settings)
        size = self.settings.frame_size
        self._decimator = _Decimator(self.settings)
        factor = self._decimator.factor
        self._size = size // factor  # of a decimated frame
        # Frames may start between decimated samples. Row p of the windows, (factor, size), is for a frame
        # whose first decimated sample is p samples after its start.
        self._windows = np.ascontiguousarray(np.hanning(size).astype(np.float32).reshape(-1, factor).T)
        # Twice for the negative frequencies, and twice because the mean of the window is 1/2.
        bank = filterbank(self.settings)[: self._size // 2 + 1] * np.float32(4)
        self._bins = nonzero_rows(bank)
        self._products = thin_products(bank[self._bins], FRAMES_PER_BLOCK)
        reach = math.ceil(FRAMES_PER_BLOCK * self.settings.sample_rate / self.settings.fps) + 1 + size
        self._block_samples = self._decimator.samples(reach // factor + 1)

    def __call__(self, samples: ArrayLike) -> Float32:
        """Compute the magnitudes of a whole recording.

        Args:
            samples: mono floats of shape (samples,), at the settings' sample rate.

        Returns:
            Magnitudes of shape (frames, bands), float32.

        Raises:
            AudioError: if the samples are of another shape or type.
        """
        accumulator = self.accumulator()
        accumulator.push(samples)
        return accumulator.frames()

    def accumulator(self) -> HarmonyAccumulator:
        """Return an empty accumulator, which computes the view of a recording block by block."""
        return HarmonyAccumulator(self)

    def start(self, frame: int) -> int:
        """Return the position of the first sample of a frame; the first frames start before sample 0."""
        centre = math.floor(frame * self.settings.sample_rate / self.settings.fps + 0.5)
        return centre - self.settings.frame_size // 2

    def reach(self, frame: int) -> tuple[int, int]:
        """Return the samples that `analyse_frame` needs: the position of the first, and after the last."""
        first = self.start(frame) + self._begin(frame)[1] - self._decimator.delay
        return first, first + (self._size - 1) * self._decimator.factor + 2 * self._decimator.delay + 1

    def workspace(self, frames: int = FRAMES_PER_BLOCK) -> Workspace:
        """Return buffers for `analyse` (FRAMES_PER_BLOCK frames) or `analyse_frame` (one frame)."""
        return Workspace(frames, self._size, self._bins.stop - self._bins.start)

    def analyse(self, work: Workspace, samples: Float32, first: int) -> Float32:
        """Compute a block of frames, (FRAMES_PER_BLOCK, bands).

        Args:
            work: buffers to compute in.
            samples: _block_samples samples, from the first one that the first frame depends on.
            first: index of the first frame, a multiple of FRAMES_PER_BLOCK.
        """
        decimated = self._decimator(samples)
        for frame, row in enumerate(work.frames, first):
            begin, shift = self._begin(frame)
            np.multiply(decimated[begin : begin + self._size], self._windows[shift], out=row)
        return self._magnitudes(work)

    def analyse_frame(self, work: Workspace, samples: Float32, frame: int) -> Float32:
        """Compute one frame by itself, equal to that of a block but for rounding.

        Args:
            work: buffers for one frame.
            samples: the samples that `reach` returns, shape (samples,).
            frame: index of the frame.

        Returns:
            Magnitudes of shape (1, bands), float32.
        """
        needed = np.zeros(self._decimator.samples(self._size), np.float32)
        needed[: len(samples)] = samples
        decimated = self._decimator(needed)[: self._size]
        np.multiply(decimated, self._windows[self._begin(frame)[1]], out=work.frames[0])
        return self._magnitudes(work)

    def _begin(self, frame: int) -> tuple[int, int]:
        """Return the first decimated sample of a frame in its block, and its distance from the frame's start.

        The samples of a block are decimated from the start of its first frame on.
        """
        factor = self._decimator.factor
        offset = self.start(frame) - self.start(frame - frame % FRAMES_PER_BLOCK)
        begin = -(-offset // factor)
        return begin, begin * factor - offset

    def _magnitudes(self, work: Workspace) -> Float32:
        """Compute magnitudes, (frames, bands), of the windowed frames in `work`."""
        spectrum = work.transform(work.frames)[:, self._bins]
        magnitude = np.abs(spectrum, out=work.magnitude)  # (frames, bins used)
        result = np.empty((len(magnitude), self.settings.bands), np.float32)
        for bins, bands, weights in self._products:
            np.matmul(magnitude[:, bins], weights, out=result[:, bands])
        return result


class HarmonyAccumulator:
    """Harmony view of a recording that comes in blocks of any lengths; created by `Harmony.accumulator`.

    The frames are identical to those of the whole recording. Only the frames and a fixed number of samples
    are kept in memory.
    """

    def __init__(self, harmony: Harmony) -> None:
        self._harmony = harmony
        self._work = harmony.workspace()
        # Samples from _origin on, which the frames from _first on depend on.
        self._buffer = np.zeros(harmony._block_samples, np.float32)
        self._first = 0
        self._filled = -self._origin  # silence before the recording
        self._samples = 0
        self._blocks: list[Float32] = []

    @property
    def _origin(self) -> int:
        return self._harmony.start(self._first) - self._harmony._decimator.delay

    def push(self, samples: ArrayLike) -> None:
        """Add the next samples of the recording.

        Args:
            samples: mono floats of shape (samples,), of any length, at the settings' sample rate.

        Raises:
            AudioError: if the samples are of another shape or type.
        """
        checked = checked_samples(samples)
        self._samples += len(checked)
        self._take(checked)

    def tap(self, blocks: Iterable[ArrayLike]) -> Iterator[Float32]:
        """Push blocks and pass them on, so that another stage can read them in the same pass.

        Args:
            blocks: mono floats, each of shape (samples,).

        Yields:
            The same blocks, float32.

        Raises:
            AudioError: if a block is of another shape or type.
        """
        for block in blocks:
            checked = checked_samples(block)
            self.push(checked)
            yield checked

    def frames(self) -> Float32:
        """Compute the magnitudes of all samples pushed so far, as if the recording ended here.

        Returns:
            Magnitudes of shape (frames, bands), float32.
        """
        count = self._harmony.settings.frames(self._samples)
        rest = copy.copy(self)
        rest._buffer, rest._blocks = self._buffer.copy(), self._blocks.copy()
        while rest._first < count:
            rest._take(np.zeros(len(rest._buffer) - rest._filled, np.float32))
        empty = np.empty((0, self._harmony.settings.bands), np.float32)
        return np.concatenate([empty, *rest._blocks])[:count]

    def _take(self, samples: Float32) -> None:
        # Blocks are computed from full buffers only, so that all matrix products have the same size: BLAS
        # rounds a row differently in a product of another size.
        while len(samples):
            taken = samples[: len(self._buffer) - self._filled]
            samples = samples[len(taken) :]
            self._buffer[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            if self._filled == len(self._buffer):
                self._complete()

    def _complete(self) -> None:
        self._blocks.append(self._harmony.analyse(self._work, self._buffer, self._first))
        origin = self._origin
        self._first += FRAMES_PER_BLOCK
        done = self._origin - origin
        self._filled -= done
        self._buffer[: self._filled] = self._buffer[done:]


class _Decimator:
    """Low-pass filter that computes only every `factor`-th sample, as products with a banded matrix.

    It is a linear-phase Kaiser-windowed sinc (Oppenheim & Schafer, "Discrete-Time Signal Processing", section
    7.6), flat up to fmax. Frequencies that it passes above the new Nyquist frequency fold to above fmax.
    """

    def __init__(self, settings: HarmonySettings) -> None:
        self.factor = _factor(settings)
        taps = _low_pass_taps(settings)
        self.delay = len(taps) // 2  # samples before and after its position that an output depends on
        # Each row of samples and the one after it give a row of outputs.
        self._outputs = math.ceil(max(len(taps), 64) / self.factor)
        self._row = self._outputs * self.factor
        matrix = np.zeros((2 * self._row, self._outputs), np.float32)
        for output in range(self._outputs):
            matrix[output * self.factor :, output][: len(taps)] = taps
        self._matrices = matrix[: self._row].copy(), matrix[self._row :].copy()

    def samples(self, outputs: int) -> int:
        """Return the number of samples needed for at least `outputs` outputs."""
        return (math.ceil(outputs / self._outputs) + 1) * self._row

    def __call__(self, samples: Float32) -> Float32:
        """Compute the outputs at samples delay, delay + factor, ...

        Args:
            samples: shape (n,), with n from the method `samples`.

        Returns:
            Filtered and decimated samples of shape (outputs,).
        """
        rows = samples.reshape(-1, self._row)
        result = np.empty((len(rows) - 1, self._outputs), np.float32)
        step = max(MAX_MULTIPLICATIONS // self._matrices[0].size, 1)
        for first in range(0, len(result), step):
            out = result[first : first + step]
            np.matmul(rows[first : first + len(out)], self._matrices[0], out=out)
            out += rows[first + 1 : first + 1 + len(out)] @ self._matrices[1]
        return result.ravel()


def _factor(settings: HarmonySettings) -> int:
    """Return the largest power of two within the limits of decimation that keeps the frame size even."""
    largest = min(settings.sample_rate / (MIN_RATE * settings.fmax), settings.frame_size / MIN_FRAME_SIZE)
    factor = 1
    while 2 * factor <= largest and settings.frame_size % (4 * factor) == 0:
        factor *= 2
    return factor


@lru_cache(maxsize=32)
def _low_pass_taps(settings: HarmonySettings) -> NDArray[np.float64]:
    factor = _factor(settings)
    return _low_pass(factor, settings.fmax / settings.sample_rate)


def _low_pass(factor: int, passed: float) -> NDArray[np.float64]:
    """Compute the taps, an odd number with a sum of 1, of a low-pass filter for decimation by `factor`.

    Args:
        factor: decimation factor; 1 needs no filter.
        passed: highest frequency to pass, as a share of the sample rate. Those above 1 / factor - passed,
            which decimation folds onto the passed ones, are removed.
    """
    if factor == 1:
        return np.ones(1)
    transition = 1 / factor - 2 * passed
    half = math.ceil((ATTENUATION - 7.95) / (2.285 * 2 * math.pi * transition) / 2)
    taps = _windowed_sinc(factor, half)
    # Kaiser's estimate of the length is too short for some filters, most of all for those of few taps.
    while _ripple(taps, passed, 1 / factor - passed) > MAX_RIPPLE:
        half += 1
        taps = _windowed_sinc(factor, half)
    return taps


def _windowed_sinc(factor: int, half: int) -> NDArray[np.float64]:
    taps = np.sinc(np.arange(-half, half + 1) / factor)
    taps *= np.kaiser(len(taps), 0.1102 * (ATTENUATION - 8.7))
    taps /= taps.sum()
    return taps


def _ripple(taps: NDArray[np.float64], passed: float, stopped: float) -> float:
    """Return the largest deviation of a filter from 1 below `passed` and from 0 above `stopped`."""
    size = 32 * len(taps)
    gains = np.abs(np.fft.rfft(taps, size))
    low, high = math.ceil(passed * size), math.floor(stopped * size)
    return max(float(np.abs(gains[: low + 1] - 1).max()), float(gains[high:].max()))
