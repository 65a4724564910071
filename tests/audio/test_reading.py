from __future__ import annotations

import warnings

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from beattrack.audio import AudioWarning, from_samples, load, read_blocks
from beattrack.audio.base import PIECE
from tests.audio_cases import RATE, expected, load_warned, one_line_error, write

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


# --- rates, channels, lengths -------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000])
def test_every_rate_keeps_time_and_length(tmp_path, rate):
    clip = np.zeros(2 * rate, np.float32)
    centre = rate  # one second
    width = rate // 200
    clip[centre - width : centre + width] = np.hanning(2 * width)
    path = write(tmp_path / "click.wav", clip, rate, subtype="FLOAT")
    samples = load(path, sample_rate=RATE)
    assert len(samples) == 2 * RATE
    energy = samples.astype(float) ** 2
    # The hump lies half a sample before its centre, as np.hanning is symmetric.
    assert np.sum(energy * np.arange(len(samples))) / energy.sum() / RATE == pytest.approx(
        1 - 0.5 / rate, abs=2e-5
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_are_averaged(tmp_path, channels):
    rng = np.random.default_rng(channels)
    samples = (0.2 * rng.standard_normal((5000, channels))).astype(np.float32)
    path = write(tmp_path / "music.wav", samples, RATE, subtype="FLOAT")
    np.testing.assert_allclose(load(path, sample_rate=RATE), samples.mean(1), atol=1e-6)


def test_mono_equals_the_same_music_twice(tmp_path, stereo):
    mono = write(tmp_path / "mono.wav", stereo[:, 0], 44100)
    double = write(tmp_path / "double.wav", stereo[:, [0, 0]], 44100)
    np.testing.assert_array_equal(load(mono, sample_rate=RATE), load(double, sample_rate=RATE))


@pytest.mark.parametrize("length", [0, 1, 2, 3, 100, PIECE, PIECE + 1])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_any_length(tmp_path, length, rate):
    clip = np.full(length, 0.25, np.float32)
    path = write(tmp_path / "clip.wav", clip, rate)
    samples = load(path, sample_rate=RATE)
    assert samples.dtype == np.float32
    assert samples.shape == (int(length * RATE / rate + 0.5),)
    np.testing.assert_array_equal(samples, from_samples(clip, source_rate=rate, sample_rate=RATE))


@pytest.mark.parametrize("block_seconds", [0.01, 0.3, 1, 100])
def test_blocks_are_the_whole(tmp_path, stereo, block_seconds):
    path = write(tmp_path / "music.wav", stereo, 44100)
    blocks = list(read_blocks(path, sample_rate=RATE, block_seconds=block_seconds))
    np.testing.assert_array_equal(np.concatenate(blocks), load(path, sample_rate=RATE))
    wanted = block_seconds * RATE
    assert all(wanted <= len(block) <= wanted + PIECE for block in blocks[:-1])
    assert 0 < len(blocks[-1]) <= wanted + PIECE


@pytest.mark.parametrize("rate", [1, 999, 1_000_000])
def test_rates_beyond_sense_are_refused(tmp_path, rate):
    path = write(tmp_path / "odd.wav", np.zeros(100, np.float32), rate)
    assert f"not {rate}" in one_line_error(lambda: load(path, sample_rate=RATE)).replace("1e+06", "1000000")


# --- arrays -------------------------------------------------------------------------------------------------


@given(
    music=hnp.arrays(np.float32, st.integers(0, 300), elements=st.floats(-1, 1, width=32)),
    gains=hnp.arrays(np.float32, st.integers(1, 4), elements=st.floats(0, 1, width=32)),
    rate=st.sampled_from([8000, RATE, 44100, 48000]),
)
@settings(max_examples=60, deadline=None)
def test_arrays_are_averaged_and_resampled(music, gains, rate):
    samples = np.outer(music, gains)
    result = from_samples(samples, source_rate=rate, sample_rate=RATE)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, soxr.resample(samples.mean(1), rate, RATE), atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_integers_span_their_type(dtype):
    limits = np.iinfo(dtype)
    samples = np.array([limits.min, limits.min // 2, 0, limits.max // 2 + 1, limits.max], dtype)
    result = from_samples(samples, source_rate=RATE, sample_rate=RATE)
    np.testing.assert_allclose(result, [-1, -0.5, 0, 0.5, 1], atol=1 / limits.max)
    assert result[0] == -1


def test_unsigned_bytes_are_centred():
    samples = np.array([[0, 0], [128, 128], [192, 128], [255, 255]], np.uint8)
    result = from_samples(samples, source_rate=RATE, sample_rate=RATE)
    np.testing.assert_array_equal(result, [-1, 0, 0.25, 127 / 128])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_float_types_and_layouts(dtype, stereo):
    samples = np.asfortranarray(stereo[:1000]).astype(dtype)[::2]
    result = from_samples(samples, source_rate=RATE, sample_rate=RATE)
    np.testing.assert_allclose(result, samples.astype(np.float64).mean(1), atol=1e-7)


def test_lists_and_the_file_give_the_same(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100, subtype="DOUBLE")
    read = load(path, sample_rate=RATE)
    np.testing.assert_array_equal(from_samples(stereo, source_rate=44100.0, sample_rate=RATE), read)
    np.testing.assert_array_equal(from_samples([0.5, -0.5], source_rate=RATE, sample_rate=RATE), [0.5, -0.5])


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros((2, 3, 4)), RATE),
        (np.float32(1), RATE),
        (np.zeros((2, 44100)), RATE),
        (np.zeros((5, 0)), RATE),
        (np.zeros(5, np.int64), RATE),
        (np.zeros(5, bool), RATE),
        (np.zeros(5, complex), RATE),
        (["a", "b"], RATE),
        ([[1.0], [1.0, 2.0]], RATE),
        (None, RATE),
        (np.zeros(5), 0),
        (np.zeros(5), -44100),
        (np.zeros(5), float("nan")),
        (np.zeros(5), float("inf")),
    ],
)
def test_unusable_arrays_are_refused(samples, rate):
    one_line_error(lambda: from_samples(samples, source_rate=rate, sample_rate=RATE))


@pytest.mark.parametrize("shape", [(2, 44100), (1, 44100), (6, 100)])
def test_channels_in_front_are_to_be_transposed(shape):
    message = one_line_error(lambda: from_samples(np.zeros(shape), source_rate=RATE, sample_rate=RATE))
    assert str(shape) in message
    assert "transpose" in message


class Tensor:
    """What NumPy can make an array of, as the tensors of other packages."""

    def __init__(self, samples: np.ndarray, error: Exception | None = None) -> None:
        self.samples, self.error = samples, error

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        if self.error is not None:
            raise self.error
        return self.samples


def test_tensors_are_arrays(stereo):
    np.testing.assert_array_equal(
        from_samples(Tensor(stereo), source_rate=44100, sample_rate=RATE),
        from_samples(stereo, source_rate=44100, sample_rate=RATE),
    )


@pytest.mark.parametrize("error", [TypeError, RuntimeError])
def test_tensors_that_are_no_arrays_say_why(stereo, error):
    tensor = Tensor(stereo, error("can't convert a cuda tensor to numpy:\nuse .cpu() first"))
    message = one_line_error(lambda: from_samples(tensor, source_rate=44100, sample_rate=RATE))
    assert "use .cpu() first" in message


def test_the_array_is_left_alone(stereo):
    before = stereo.copy()
    result = from_samples(stereo[:, 0], source_rate=RATE, sample_rate=RATE)
    result[:] = 0
    np.testing.assert_array_equal(stereo, before)


# --- samples that are not numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_samples_that_are_not_finite_become_zero(tmp_path, stereo, bad):
    damaged, repaired = stereo.copy(), stereo.copy()
    damaged[100:200, 0] = bad
    damaged[50_000] = bad
    repaired[100:200, 0] = 0  # the other channel stays
    repaired[50_000] = 0
    path = write(tmp_path / "music.wav", damaged, 44100, subtype="FLOAT")
    samples = load_warned(path, "music.wav: samples that are not finite were set to 0")
    np.testing.assert_array_equal(samples, expected(repaired, 44100))
    with pytest.warns(AudioWarning, match="not finite"):
        array = from_samples(damaged.astype(np.float64), source_rate=44100, sample_rate=RATE)
    np.testing.assert_array_equal(array, samples)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 50), st.integers(1, 3)), elements=st.floats()))
@settings(max_examples=100, deadline=None)
def test_whatever_comes_in_finite_samples_come_out(samples):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        result = from_samples(samples, source_rate=44100, sample_rate=RATE)
    assert np.isfinite(result).all()
