from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from beattrack.audio import from_samples
from beattrack.errors import AudioError
from beattrack.streaming.mixing import BLOCK, StreamingMixer
from tests.streaming_cases import chunk_sizes, cut, noise


def mixed(samples: np.ndarray, sizes: int | list[int]) -> np.ndarray:
    mixer = StreamingMixer(1 if samples.ndim == 1 else samples.shape[1])
    return np.concatenate([mixer.process(chunk) for chunk in cut(samples, sizes)])


def offline(samples: np.ndarray) -> np.ndarray:
    return from_samples(samples, source_rate=22050, sample_rate=22050)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "int16", "int32", "uint8"])
@pytest.mark.parametrize("channels", [None, 1, 2, 6])
def test_it_is_the_offline_mix(dtype: str, channels: int | None) -> None:
    samples = noise(0.1, channels=channels)
    if dtype == "uint8":
        samples = samples * 255 + 128
    elif dtype.startswith("int"):
        samples = samples * np.iinfo(dtype).max
    samples = samples.astype(dtype)
    np.testing.assert_array_equal(mixed(samples, 100), offline(samples))


@given(sizes=chunk_sizes)
@settings(max_examples=10, deadline=None)
def test_chunks_do_not_matter_even_when_channels_cancel(sizes: list[int]) -> None:
    left = noise(0.5)
    samples = np.stack([left, -left], axis=1)
    np.testing.assert_array_equal(mixed(samples, sizes), mixed(samples, len(samples)))


def test_a_channel_that_cancels_the_other_is_inverted_after_a_tenth_of_a_second() -> None:
    left = noise(1)
    mixer = StreamingMixer(2)
    mono = np.concatenate([mixer.process(c) for c in cut(np.stack([left, -left], axis=1), 441)])
    assert mixer.inverted
    assert not mono[:BLOCK].any()
    np.testing.assert_allclose(np.abs(mono[3 * BLOCK :]), np.abs(left[3 * BLOCK :]), atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_that_are_not_finite_are_silence(bad: float, channels: int) -> None:
    samples = noise(0.1, channels=channels)
    samples[50, 0] = bad
    samples[1000:1100] = bad
    clean = np.where(np.abs(samples) < 1e10, samples, 0)
    mixer = StreamingMixer(channels)
    mono = np.concatenate([mixer.process(chunk) for chunk in cut(samples, 64)])
    assert mixer.damaged
    np.testing.assert_array_equal(mono, mixed(clean, 64))


@pytest.mark.parametrize(
    ("channels", "chunk", "says"),
    [
        (1, np.zeros((5, 2)), r"must be of shape \(samples,\), not \(5, 2\)"),
        (2, np.zeros(5), r"must be of shape \(samples, 2\), not \(5,\)"),
        (1, np.zeros((1, 2, 3)), "must be of shape"),
        (1, np.zeros(5, complex), "must be floats, int8"),
        (1, ["a"], "must be floats, int8"),
        (2, np.zeros((2, 500)), "transpose"),
    ],
)
def test_chunks_of_another_shape_or_type_are_refused(channels: int, chunk: object, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        StreamingMixer(channels).process(chunk)  # type: ignore[arg-type]


def test_empty_chunks_are_nothing() -> None:
    assert StreamingMixer(1).process([]).shape == (0,)
    assert StreamingMixer(2).process(np.zeros((0, 2), np.int16)).shape == (0,)
