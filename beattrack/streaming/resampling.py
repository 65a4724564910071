"""Resample a stream, with the filter of the offline resampler but without its delay.

soxr filters in blocks with Fourier transforms, so its output comes in bursts, 4 to 42 ms after the input at
44.1 kHz. The filter itself looks ahead by 4 ms only. Its taps are read from soxr's responses to impulses, and
each output is computed as soon as its last input is there. Ratios of sample rates that would need too many
different taps, such as 44100 to 22051, use soxr's own stream.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from beattrack.audio.reading import MAX_RATE, MIN_RATE
from beattrack.errors import AudioError

Float32: TypeAlias = NDArray[np.float32]

QUALITY = "HQ"  # that of `beattrack.audio`
MOST_PHASES = 1300  # inputs or outputs after which the taps repeat; 192 kHz to 22.05 kHz has 1280
REACH = 512  # samples at the lower rate; the filter is known to be shorter
# The filter ends beyond the outermost tap of at least this share of the largest; what soxr's responses show
# outside is noise of its Fourier transforms.
SMALL, MARGIN = 1e-6, 1.05
SOXR_SECONDS = 0.025  # half of its response, at 22.05 kHz; see `StreamingResampler.delay`
PART = 4096  # samples computed at a time, which bounds the buffers


class StreamingResampler:
    """Resample mono chunks of any size.

    However a recording is cut into chunks, the concatenated outputs are those of resampling it as a whole, to
    1e-6 of full scale, except for the first 4 ms. There soxr cuts its filter short at some ratios of rates.

    Args:
        source_rate: sample rate of the chunks in Hz.
        sample_rate: sample rate of the result in Hz.

    Attributes:
        delay: seconds after a sample until outputs at its time can be computed. For soxr's own stream this
            is the typical delay; it varies from 0 to twice as much.

    Raises:
        AudioError: if a sample rate is not supported.
    """

    def __init__(self, source_rate: float, sample_rate: int) -> None:
        for rate in (source_rate, sample_rate):
            if not MIN_RATE <= rate <= MAX_RATE:
                raise AudioError(f"the sample rate must be {MIN_RATE} to {MAX_RATE} Hz, not {rate:g}")
        self._engine: _Copy | _Filter | _Soxr
        if source_rate == sample_rate:
            self._engine = _Copy()
        elif (filter := _filter(source_rate, sample_rate)) is not None:
            self._engine = _Filter(filter, source_rate)
        else:
            self._engine = _Soxr(source_rate, sample_rate)
        self.delay = self._engine.delay

    def process(self, samples: Float32) -> Float32:
        """Return the outputs that the next samples complete, both of shape (samples,)."""
        parts = [self._engine.process(samples[i : i + PART]) for i in range(0, len(samples), PART)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])

    def finish(self) -> Float32:
        """Return the rest of the outputs, as if silence followed."""
        return self._engine.finish()


class _Copy:
    """Equal rates."""

    delay = 0.0

    def process(self, samples: Float32) -> Float32:
        return samples

    def finish(self) -> Float32:
        return np.empty(0, np.float32)


class _Soxr:
    """soxr's own stream."""

    def __init__(self, source_rate: float, sample_rate: int) -> None:
        self._stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float32", quality=QUALITY)
        self.delay = SOXR_SECONDS * max(1.0, 22050 / min(source_rate, sample_rate))

    def process(self, samples: Float32) -> Float32:
        done: Float32 = self._stream.resample_chunk(samples)
        return done

    def finish(self) -> Float32:
        rest: Float32 = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        return rest


class _Taps(NamedTuple):
    """Taps of a resampling filter, which repeat after `inputs` inputs and `outputs` outputs.

    Attributes:
        inputs, outputs: the two sample rates, divided by their greatest common divisor.
        first: first input of each output, relative to that of the period, shape (outputs,).
        taps: shape (outputs, length).
    """

    inputs: int
    outputs: int
    first: NDArray[np.int64]
    taps: Float32


class _Filter:
    """Outputs as products of inputs with the taps."""

    def __init__(self, filter: _Taps, source_rate: float) -> None:
        self._filter = filter
        self._length = filter.taps.shape[1]
        self.delay = self._length / 2 / source_rate
        self._buffer = np.zeros(2 * PART + self._length, np.float32)
        self._origin = int(filter.first[0])  # position of the first sample in the buffer, negative at first
        self._end = 0  # position after the last sample; before position 0 is silence
        self._done = 0  # outputs so far

    def process(self, samples: Float32) -> Float32:
        start = self._end - self._origin
        self._buffer[start : start + len(samples)] = samples
        self._end += len(samples)
        return self._outputs(self._complete())

    def finish(self) -> Float32:
        count = math.floor(self._end * self._filter.outputs / self._filter.inputs + 0.5)
        missing = self._first(count - 1) + self._length - self._end
        rest = [np.empty(0, np.float32)]
        while missing > 0:
            rest.append(self.process(np.zeros(min(missing, PART), np.float32)))
            missing -= PART
        outputs = np.concatenate(rest)
        return outputs[: len(outputs) - max(self._done - count, 0)]

    def _complete(self) -> int:
        """Return the number of outputs that need no further input."""
        filter = self._filter
        count: int = max((self._end - self._length) * filter.outputs // filter.inputs, self._done)
        while self._first(count) + self._length <= self._end:
            count += 1
        return count

    def _first(self, output: int) -> int:
        period, phase = divmod(output, self._filter.outputs)
        return period * self._filter.inputs + int(self._filter.first[phase])

    def _outputs(self, count: int) -> Float32:
        """Compute the outputs before `count` that are not done, and drop inputs no longer needed."""
        if count <= self._done:
            return np.empty(0, np.float32)
        outputs: Float32
        inputs = np.lib.stride_tricks.sliding_window_view(self._buffer, self._length)
        if self._filter.outputs == 1:  # all with the same taps, as from 44.1 kHz: nothing needs to be copied
            first = self._first(self._done) - self._origin
            inputs = inputs[first :: self._filter.inputs][: count - self._done]
            outputs = np.einsum("ij,j->i", inputs, self._filter.taps[0])
        else:
            periods, phases = np.divmod(np.arange(self._done, count), self._filter.outputs)
            firsts = periods * self._filter.inputs + self._filter.first[phases] - self._origin
            outputs = np.einsum("ij,ij->i", inputs[firsts], self._filter.taps[phases])
        self._done = count
        done = self._first(count) - self._origin
        kept = self._end - self._origin - done
        self._buffer[:kept] = self._buffer[done : done + kept]
        self._origin += done
        return outputs


def _filter(source_rate: float, sample_rate: int) -> _Taps | None:
    """Return soxr's filter for two sample rates, or None if it has too many phases."""
    if source_rate != int(source_rate):
        return None
    divisor = math.gcd(int(source_rate), sample_rate)
    inputs, outputs = int(source_rate) // divisor, sample_rate // divisor
    return None if max(inputs, outputs) > MOST_PHASES else _measured(inputs, outputs)


@lru_cache(maxsize=8)
def _measured(inputs: int, outputs: int) -> _Taps:
    """Read the taps of soxr's filter from its responses to one impulse at each input of a period."""
    periods = math.ceil(REACH * max(inputs, outputs) / outputs / inputs) + 1
    before = periods * inputs
    impulses = np.zeros((2 * before + inputs, inputs), np.float32)
    impulses[before + np.arange(inputs), np.arange(inputs)] = 1
    responses = soxr.resample(impulses, inputs, outputs, quality=QUALITY)  # (outputs, impulse)
    output, impulse = np.nonzero(responses)
    # Position of the input relative to the time of the output.
    lead = np.abs(before + impulse - output * inputs / outputs)
    taps_found = responses[output, impulse]
    large = np.abs(taps_found) > SMALL * np.abs(taps_found).max()
    reach = math.ceil(MARGIN * lead[large].max())
    inside = lead <= reach
    output, impulse, taps_found = output[inside], impulse[inside], taps_found[inside]
    first = np.floor(np.arange(outputs) * inputs / outputs).astype(np.int64) - reach
    taps = np.zeros((outputs, 2 * reach + 2), np.float32)
    # The response to an impulse is the same a whole number of periods later.
    period, phase = np.divmod(output, outputs)
    taps[phase, before + impulse - period * inputs - first[phase]] = taps_found
    return _Taps(inputs, outputs, first, taps)
