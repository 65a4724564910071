"""The log-filtered spectrogram, the first input of the network.

Short-time Fourier magnitudes are summed by triangular filters on a logarithmic frequency axis, as introduced
for onset detection by Böck, Krebs and Schedl, "Evaluating the Online Capabilities of Onset Detection
Methods", ISMIR 2012. The magnitudes stay linear, because the network compresses them itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import SettingsError
from beattrack.fourier import Float32, Workspace, checked_samples, nonzero_rows, thin_products
from beattrack.runtime import checks

TUNING = 440.0  # Hz; the centres of the filters are equal-tempered pitches of this tuning
FRAMES_PER_BLOCK = 256  # frames, spectra and magnitudes of a block fit the second-level cache


@dataclass(frozen=True)
class SpectrogramSettings:
    """Settings of the spectrogram, stored in every model file.

    Attributes:
        sample_rate: sample rate in Hz.
        fps: frames per second. Frame t is centred at sample round(t * sample_rate / fps).
        frame_size: samples in a (Hann) window, even.
        bands_per_octave: triangular filters in each octave, fewer if the frequency bins are wider than that.
        fmin, fmax: lowest and highest frequency of the filters in Hz; fmax is at most sample_rate / 2.

    Raises:
        SettingsError: if a value is out of range, or if there is no filter between fmin and fmax.
    """

    sample_rate: int = 22050
    fps: float = 100
    frame_size: int = 1024
    bands_per_octave: int = 12
    fmin: float = 30.0
    fmax: float = 11025.0

    def __post_init__(self) -> None:
        checks.apply(self, {field.name: checks.positive(whole=field.type == "int") for field in fields(self)})
        if self.frame_size % 2:
            raise SettingsError(f"frame_size must be even, not {self.frame_size}")
        if self.fps > self.sample_rate:
            raise SettingsError(f"fps must be at most the sample rate {self.sample_rate}, not {self.fps}")
        if not self.fmin < self.fmax <= self.sample_rate / 2:
            raise SettingsError(
                f"fmin must be below fmax, and fmax at most sample_rate / 2 = {self.sample_rate / 2:g}, "
                f"not fmin = {self.fmin:g} and fmax = {self.fmax:g}"
            )
        if self.bands < 1:
            raise SettingsError(
                f"fmin to fmax, {self.fmin:g} to {self.fmax:g} Hz, is too narrow for a filter "
                f"at {self.bands_per_octave} bands per octave and {self.frame_size} samples per frame"
            )

    @property
    def bands(self) -> int:
        """Number of filters."""
        return len(_corner_bins(self)) - 2

    def frames(self, samples: int) -> int:
        """Return the number of frames whose centre is before the end of a number of samples."""
        return math.ceil(samples * self.fps / self.sample_rate)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SpectrogramSettings:
        """Read settings from the dictionary that `to_dict` returns.

        Raises:
            SettingsError: if a field is missing, unknown or out of range.
        """
        names = {field.name for field in fields(cls)}
        if data.keys() != names:
            odd = ", ".join(sorted(map(str, data.keys() ^ names)))
            raise SettingsError(f"the spectrogram settings have missing or unknown fields: {odd}")
        return cls(**data)


@lru_cache(maxsize=32)
def _corner_bins(settings: SpectrogramSettings) -> tuple[int, ...]:
    """Return the FFT bins of the filters; three bins in a row are the start, peak and end of a filter."""
    per_octave = settings.bands_per_octave
    lowest = math.floor(per_octave * math.log2(settings.fmin / TUNING))
    highest = math.ceil(per_octave * math.log2(settings.fmax / TUNING))
    pitches = TUNING * 2 ** (np.arange(lowest, highest + 1) / per_octave)
    pitches = pitches[(pitches >= settings.fmin) & (pitches <= settings.fmax)]
    bins = np.fft.rfftfreq(settings.frame_size, 1 / settings.sample_rate)  # Hz
    above = np.clip(np.searchsorted(bins, pitches), 1, len(bins) - 1)
    nearest = np.where(pitches - bins[above - 1] < bins[above] - pitches, above - 1, above)
    return tuple(int(k) for k in np.unique(nearest))


def filterbank(settings: SpectrogramSettings) -> Float32:
    """Compute the triangular filters.

    Args:
        settings: settings of the spectrogram.

    Returns:
        Filters with a sum of 1, as columns: (frame_size // 2 + 1, bands).
    """
    corners = _corner_bins(settings)
    bins = np.arange(settings.frame_size // 2 + 1)
    triangles = [np.interp(bins, corners[b : b + 3], (0, 1, 0)) for b in range(settings.bands)]
    return np.stack([triangle / triangle.sum() for triangle in triangles], axis=1).astype(np.float32)


class Spectrogram:
    """Compute the spectrogram of samples, whole or block by block.

    There are ceil(samples * fps / sample_rate) frames. Frames at the ends extend beyond the samples into
    silence.

    Args:
        settings: settings of the spectrogram; None takes the defaults.

    Raises:
        SettingsError: if `settings` is of another type.
    """

    def __init__(self, settings: SpectrogramSettings | None = None) -> None:
        self.settings = SpectrogramSettings() if settings is None else settings
        checks.instance(SpectrogramSettings)("settings", self.settings)
        size = self.settings.frame_size
        self._window = np.hanning(size).astype(np.float32)
        # Every so many frames the distance between their starts is the same.
        hop = Fraction(self.settings.sample_rate) / Fraction(self.settings.fps)
        self._period = min(hop.denominator, FRAMES_PER_BLOCK)
        bank = filterbank(self.settings)
        self._bins = nonzero_rows(bank)
        # The transform divides by the frame size.
        self._products = thin_products(bank[self._bins] * np.float32(size), FRAMES_PER_BLOCK)

    def __call__(self, samples: ArrayLike) -> Float32:
        """Compute the magnitudes of a whole recording.

        Args:
            samples: mono floats at the settings' sample rate, shape (samples,).

        Returns:
            Magnitudes, float32, shape (frames, bands).

        Raises:
            AudioError: if the samples are of another shape or type.
        """
        checked = checked_samples(samples)
        frames = self.settings.frames(len(checked))
        spectrogram = np.empty((frames, self.settings.bands), np.float32)
        work = self.workspace()
        for first in range(0, frames, FRAMES_PER_BLOCK):
            self.analyse(work, checked, 0, first, spectrogram[first : first + FRAMES_PER_BLOCK])
        return spectrogram

    def blocks(self, blocks: Iterable[ArrayLike]) -> Iterator[Float32]:
        """Compute the spectrogram of a recording that comes in blocks.

        Args:
            blocks: mono floats at the settings' sample rate, each block of shape (samples,) and of any
                length.

        Yields:
            Magnitudes, float32, shape (n, bands). Concatenated, they are identical to the spectrogram of the
            concatenated samples.

        Raises:
            AudioError: if a block is of another shape or type.
        """
        work = self.workspace()
        pending = np.empty(0, np.float32)
        origin = 0  # position of the first pending sample
        first = 0  # first frame of the next block
        for block in blocks:
            pending = np.concatenate((pending, checked_samples(block)))
            end = origin + len(pending)
            while self.stop(first + FRAMES_PER_BLOCK - 1) <= end:
                yield self.analyse(work, pending, origin, first, self._empty(FRAMES_PER_BLOCK))
                first += FRAMES_PER_BLOCK
            kept = min(max(self.start(first), origin), end)
            pending, origin = pending[kept - origin :], kept
        frames = self.settings.frames(origin + len(pending))
        for start in range(first, frames, FRAMES_PER_BLOCK):
            yield self.analyse(
                work, pending, origin, start, self._empty(min(FRAMES_PER_BLOCK, frames - start))
            )

    def analyse(self, work: Workspace, samples: Float32, origin: int, first: int, out: Float32) -> Float32:
        """Compute some frames of a recording.

        Args:
            work: buffers from `workspace`, for at least as many frames.
            samples: samples of the recording, shape (samples,); those before and after are silence.
            origin: position of the first of `samples` in the recording.
            first: first frame to compute.
            out: where the magnitudes are written, shape (n, bands).

        Returns:
            `out`.
        """
        # `__call__` and `blocks` use blocks that start at multiples of FRAMES_PER_BLOCK, because BLAS rounds
        # a row differently in a product of another size, and both must be identical.
        starts = self._starts(first, len(out))
        begin, end = int(starts[0]), int(starts[-1]) + self.settings.frame_size
        segment = _padded(samples, begin - origin, end - origin)
        frames = work.frames[: len(out)]
        for phase in range(min(self._period, len(out))):
            views = _views(segment, (starts - begin)[phase :: self._period], self.settings.frame_size)
            np.multiply(views, self._window, out=frames[phase :: self._period])
        spectrum = work.transform(frames)[:, self._bins]
        magnitude = np.abs(spectrum, out=work.magnitude[: len(out)])  # (n, bins used)
        for bins, bands, weights in self._products:
            np.matmul(magnitude[:, bins], weights, out=out[:, bands])
        return out

    def start(self, frame: int) -> int:
        """Return the position of the first sample of a frame; the first frames start before sample 0."""
        return int(self._starts(frame, 1)[0])

    def stop(self, frame: int) -> int:
        """Return the position after the last sample of a frame."""
        return self.start(frame) + self.settings.frame_size

    def workspace(self, frames: int = FRAMES_PER_BLOCK) -> Workspace:
        """Return buffers in which `analyse` can compute up to `frames` frames at a time."""
        return Workspace(frames, self.settings.frame_size, self._bins.stop - self._bins.start)

    def _starts(self, first: int, count: int) -> NDArray[np.int64]:
        frames = np.arange(first, first + count)
        centres = np.floor(frames * self.settings.sample_rate / self.settings.fps + 0.5)
        starts: NDArray[np.int64] = centres.astype(np.int64) - self.settings.frame_size // 2
        return starts

    def _empty(self, frames: int) -> Float32:
        return np.empty((frames, self.settings.bands), np.float32)


def _views(samples: Float32, starts: NDArray[np.int64], size: int) -> Float32:
    """Return the frames of `size` samples at positions of equal distance, (frames, size), without a copy."""
    hop = int(starts[1] - starts[0]) if len(starts) > 1 else 1
    samples = np.ascontiguousarray(samples)
    itemsize = samples.itemsize
    views: Float32 = np.ndarray(
        (len(starts), size), samples.dtype, samples, int(starts[0]) * itemsize, (hop * itemsize, itemsize)
    )
    return views


def _padded(samples: Float32, begin: int, end: int) -> Float32:
    """Return samples[begin:end], with zeros for positions beyond the ends."""
    before, after = max(-begin, 0), max(end - len(samples), 0)
    segment = samples[begin + before : end - after]
    return np.pad(segment, (before, after)) if before or after else segment
