from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.harmony import Harmony, HarmonySettings
from beattrack.network.model_settings import ModelSettings
from beattrack.spectrogram import Spectrogram, SpectrogramSettings
from beattrack.streaming.harmony import StreamingHarmony
from beattrack.streaming.spectrogram import StreamingSpectrogram
from beattrack.streaming.views import StreamingViews
from tests.streaming_cases import CHUNK_SIZES, PLAIN, RATE, TWO_VIEWS, chunk_sizes, cut, noise

SECONDS = 8.0  # more than one block of 64 frames of the harmony view


def views(
    samples: np.ndarray, sizes: int | list[int], settings: ModelSettings = TWO_VIEWS
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Both views, and for each frame of the harmony view the frames of the spectrogram before it."""
    stream = StreamingViews(settings)
    found = [frames for chunk in cut(samples, sizes) for frames in stream.process(chunk)]
    found += stream.finish()
    assert all(len(frames.spectrogram) for frames in found[:-1])
    before = np.cumsum([0, *(len(frames.spectrogram) for frames in found)])[:-1]
    order = [int(n) for n, frames in zip(before, found, strict=True) for _ in frames.harmony]
    bands = settings.harmony.bands if settings.harmony else 0
    fast = np.concatenate([np.empty((0, 73), np.float32), *(frames.spectrogram for frames in found)])
    slow = np.concatenate([np.empty((0, bands), np.float32), *(frames.harmony for frames in found)])
    return fast, slow, order


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return noise(SECONDS)


@pytest.fixture(scope="module")
def streamed(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    return views(samples, len(samples))


def test_the_spectrogram_is_the_offline_one(samples, streamed) -> None:
    offline = Spectrogram()(samples)
    assert streamed[0].shape == offline.shape
    np.testing.assert_allclose(streamed[0], offline, atol=1e-6 * offline.max(), rtol=1e-5)


def test_the_harmony_view_is_the_offline_one(samples, streamed) -> None:
    offline = Harmony()(samples)
    slow = streamed[1]
    assert len(offline) - 2 <= len(slow) <= len(offline)  # the last are not complete before the end
    np.testing.assert_allclose(slow, offline[: len(slow)], atol=1e-5 * offline.max())


@pytest.mark.parametrize(
    "settings",
    [
        HarmonySettings(fps=9.7),  # frames that begin between two decimated samples
        HarmonySettings(sample_rate=8000, bands=60, frame_size=4096, fps=20),
        HarmonySettings(frame_size=2048, fps=11),  # decimated by 2
        HarmonySettings(bands=100),  # not decimated at all
    ],
)
def test_other_settings_of_the_harmony_view_are_followed_too(settings: HarmonySettings) -> None:
    samples = noise(10)
    offline = Harmony(settings)(samples)
    stream = StreamingHarmony(Harmony(settings))
    slow = np.concatenate([stream.process(chunk) for chunk in cut(samples, 500)])
    assert len(slow) > 64
    np.testing.assert_allclose(slow, offline[: len(slow)], atol=1e-5 * offline.max())


@pytest.mark.parametrize(
    "settings",
    [
        SpectrogramSettings(fps=43.07),
        SpectrogramSettings(frame_size=256, fmin=200, fps=75),
        SpectrogramSettings(fps=1),
    ],
)
def test_other_settings_of_the_spectrogram_are_followed_too(settings: SpectrogramSettings) -> None:
    samples = noise(6)
    offline = Spectrogram(settings)(samples)
    stream = StreamingSpectrogram(Spectrogram(settings))
    fast = np.concatenate([stream.process(chunk) for chunk in cut(samples, 1001)])
    assert len(fast) >= len(offline) - 3
    np.testing.assert_allclose(fast, offline[: len(fast)], atol=1e-6 * offline.max(), rtol=1e-5)


@pytest.mark.parametrize("size", CHUNK_SIZES[1:])
def test_chunks_change_nothing(samples, streamed, size: int) -> None:
    fast, slow, order = views(samples, size)
    np.testing.assert_array_equal(fast, streamed[0])
    np.testing.assert_array_equal(slow, streamed[1])
    assert order == streamed[2]


def test_nor_do_single_samples(samples) -> None:
    for one, other in zip(views(samples[:RATE], 1), views(samples[:RATE], RATE), strict=True):
        np.testing.assert_array_equal(one, other)


@given(sizes=chunk_sizes, length=st.integers(0, 2 * RATE))
@settings(max_examples=20, deadline=None)
def test_nor_do_chunks_of_mixed_sizes_and_any_end(sizes: list[int], length: int) -> None:
    part = noise(2.0)[:length]
    one, other = views(part, sizes), views(part, max(length, 1))
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len(one[0]) == Spectrogram().settings.frames(length)


def test_a_frame_comes_with_its_last_sample() -> None:
    spectrogram = Spectrogram()
    stream, harmony = StreamingSpectrogram(spectrogram), StreamingHarmony(Harmony())
    done = slow = 0
    for heard, chunk in enumerate(cut(noise(0.6), 1), 1):
        first_to_come = spectrogram.stop(done)
        frames = stream.process(chunk)
        assert len(frames) == (heard == first_to_come)
        done += len(frames)
        stop = harmony.next_stop
        assert len(harmony.process(chunk)) == (heard == stop)
        slow += heard == stop
    assert done > 50
    assert slow == 5  # at 0, 0.1, ... 0.4 s: each 0.19 s after its time


def test_a_slow_frame_comes_before_the_first_frame_that_is_completed_after_it(streamed) -> None:
    # 0.186 s of half a window and 2 ms of the decimation, against the 23 ms of the spectrogram.
    assert streamed[2] == [10 * i + 17 for i in range(len(streamed[1]))]


def test_without_a_harmony_path_there_is_no_harmony_view(samples) -> None:
    fast, slow, _ = views(samples, 441, PLAIN)
    assert slow.shape == (0, 0)
    assert len(fast) == 800


def test_buffers_do_not_grow(samples) -> None:
    stream = StreamingViews(TWO_VIEWS)
    sizes = set()
    for chunk in cut(samples, [1, 20_000, 300]):
        list(stream.process(chunk))
        sizes.add(
            (stream._spectrogram._buffer.nbytes, stream._harmony._buffer.nbytes, len(stream._pending) < 3)
        )
    assert len(sizes) == 1
