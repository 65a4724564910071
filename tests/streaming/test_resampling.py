from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.errors import AudioError
from beattrack.streaming.resampling import StreamingResampler
from tests.streaming_cases import CHUNK_SIZES, RATE, chunk_sizes, cut, noise

FILTERED = (8000, 11025, 16000, 24000, 32000, 44100, 48000, 88200, 96000)
EDGE = 0.004  # seconds; there soxr cuts its own filter short


def resampled(samples: np.ndarray, rate: float, sizes: int | list[int]) -> np.ndarray:
    stream = StreamingResampler(rate, RATE)
    return np.concatenate([*map(stream.process, cut(samples, sizes)), stream.finish()])


@pytest.mark.parametrize("rate", FILTERED)
def test_it_is_the_offline_resampling(rate: int) -> None:
    samples = noise(0.5, rate)
    whole = soxr.resample(samples, rate, RATE, quality="HQ")
    stream = resampled(samples, rate, 441)
    assert stream.shape == whole.shape
    np.testing.assert_allclose(stream[round(EDGE * RATE) :], whole[round(EDGE * RATE) :], atol=1e-6)
    np.testing.assert_allclose(stream, whole, atol=0.05)


def test_music_that_begins_softly_is_equal_from_its_first_sample_on() -> None:
    samples = noise(0.2, 48000) * np.linspace(0, 1, 9600, dtype=np.float32) ** 2
    whole = soxr.resample(samples, 48000, RATE, quality="HQ")
    np.testing.assert_allclose(resampled(samples, 48000, 100), whole, atol=1e-6)


@pytest.mark.parametrize("rate", [RATE, RATE + 1, 44100.5, 768_000])
def test_equal_rates_and_odd_ones_are_those_of_soxr_itself(rate: float) -> None:
    samples = noise(0.1, int(rate))
    whole = samples if rate == RATE else soxr.resample(samples, rate, RATE, quality="HQ")
    np.testing.assert_array_equal(resampled(samples, rate, 441), whole)


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_the_size_of_the_chunks_does_not_matter(size: int) -> None:
    samples = noise(0.2, 44100)
    np.testing.assert_array_equal(resampled(samples, 44100, size), resampled(samples, 44100, len(samples)))


@given(rate=st.sampled_from(FILTERED), sizes=chunk_sizes, length=st.integers(0, 5000))
@settings(max_examples=40, deadline=None)
def test_nor_do_chunks_of_mixed_sizes(rate: int, sizes: list[int], length: int) -> None:
    samples = noise(5000 / rate, rate)[:length]
    one = resampled(samples, rate, sizes)
    np.testing.assert_array_equal(one, resampled(samples, rate, 6000))
    # soxr rounds a number of samples that ends in a half up or down.
    assert abs(len(one) - len(soxr.resample(samples, rate, RATE, quality="HQ"))) <= (
        length * RATE % rate != 0
    )


@pytest.mark.parametrize("rate", FILTERED)
def test_the_delay_is_what_it_says(rate: int) -> None:
    stream = StreamingResampler(rate, RATE)
    done, worst = 0, 0.0
    for index, chunk in enumerate(cut(noise(0.2, rate), 1), 1):
        done += len(stream.process(chunk))
        worst = max(worst, index / rate - done / RATE)
    assert worst == pytest.approx(stream.delay, abs=2 / min(rate, RATE))
    assert stream.delay < (0.013 if rate < 16000 else 0.007)


def test_buffers_do_not_grow() -> None:
    stream = StreamingResampler(44100, RATE)
    before = stream._engine._buffer.nbytes  # type: ignore[union-attr]
    for chunk in cut(noise(20, 44100), [1, 30_000, 5]):
        stream.process(chunk)
    assert stream._engine._buffer.nbytes == before  # type: ignore[union-attr]


@pytest.mark.parametrize("rate", [999, 768_001, 0])
def test_other_rates_are_refused(rate: int) -> None:
    with pytest.raises(AudioError, match="the sample rate must be 1000 to 768000 Hz"):
        StreamingResampler(rate, RATE)
