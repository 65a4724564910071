from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.audio import AudioWarning, from_samples, load
from beattrack.audio.base import PIECE
from beattrack.audio.mixing import mixed_down
from tests.audio_cases import RATE, load_warned, write

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")

INVERTED = "its channels cancel each other out"


def mix(samples: np.ndarray) -> np.ndarray:
    pieces = (samples[start : start + PIECE] for start in range(0, len(samples), PIECE))
    return np.concatenate(list(mixed_down(pieces, "samples")))


def mix_warned(samples: np.ndarray) -> np.ndarray:
    with pytest.warns(AudioWarning, match=INVERTED) as caught:
        mono = mix(samples)
    assert len(caught) == 1
    return mono


def same_music(one: np.ndarray, other: np.ndarray) -> float:
    return float(abs(np.corrcoef(one, other)[0, 1]))


@pytest.fixture(scope="module")
def wide(stereo) -> np.ndarray:
    """(samples, 2), 12 seconds: most is in the middle, some left and right."""
    left, right = np.tile(stereo, (4, 1)).T
    middle = left + right
    return np.stack([middle + 0.3 * left, middle + 0.3 * right], axis=1).astype(np.float32) / 4


def test_an_inverted_channel_is_turned_back(wide):
    np.testing.assert_allclose(mix_warned(wide * np.float32([1, -1])), mix(wide), atol=1e-6)
    np.testing.assert_allclose(mix_warned(wide * np.float32([-1, 1])), -mix(wide), atol=1e-6)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "float64"])
def test_every_type_of_samples(wide, kind):
    scale = 1 if kind == "float64" else np.iinfo(kind).max
    samples = (wide * [1, -1] * scale).astype(kind)
    assert same_music(mix_warned(samples), mix(wide)) > 0.99


def test_unsigned_bytes(wide):
    samples = np.clip(wide * [1, -1] * 127 + 128, 0, 255).astype(np.uint8)
    assert same_music(mix_warned(samples), mix(wide)) > 0.99


def test_hiss_that_does_not_cancel_hides_no_music(wide):
    hiss = 0.001 * np.random.default_rng(0).standard_normal(wide.shape)
    mono = wide.mean(1)
    samples = (np.stack([mono, -mono], axis=1) + hiss).astype(np.float32)
    assert same_music(mix_warned(samples), mono) > 0.999


def test_constant_parts_decide_nothing(wide):
    np.testing.assert_allclose(mix(wide + np.float32([0.5, -0.5])), mix(wide), atol=1e-6)
    turned = mix_warned(wide * np.float32([1, -1]) + np.float32(0.5))
    np.testing.assert_allclose(turned[3 * PIECE :], mix(wide)[3 * PIECE :], atol=1e-6)


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.0])
def test_ordinary_stereo_is_averaged(wide, gain):
    for samples in (
        wide * np.float32([1, gain]),
        np.stack([wide[:, 0], wide[::-1, 0]], axis=1),  # unrelated channels
        np.stack([wide[:, 0], np.roll(wide[:, 0], 30)], axis=1),
    ):
        np.testing.assert_allclose(mix(samples), samples.mean(1), atol=1e-6)


def test_a_passage_out_of_phase_turns_nothing_over(wide):
    """Half a second in 12: shorter than what is remembered."""
    samples = wide.copy()
    samples[200_000:222_050, 1] *= -1
    np.testing.assert_allclose(mix(samples), samples.mean(1), atol=1e-6)


def test_the_choice_changes_without_a_click():
    """A tone that is out of phase from 10 s on: no step is larger than the tone's own."""
    rate, seconds = 44100, 60
    tone = np.sin(2 * np.pi * 100 * np.arange(rate * seconds) / rate).astype(np.float32)
    samples = np.stack([tone, tone], axis=1)
    samples[rate * 10 :, 1] *= -1
    mono = mix_warned(samples)
    largest = 2 * np.pi * 100 / rate
    jumps = np.abs(np.diff(mono))
    jumps[rate * 10 - 1] = 0  # the recording's own
    assert jumps.max() < 1.2 * largest
    assert same_music(mono[rate * 20 :], tone[rate * 20 :]) > 0.999
    np.testing.assert_allclose(mono[: rate * 10], tone[: rate * 10], atol=1e-6)


def test_silence_in_front_delays_the_choice_by_nothing(wide):
    silence = np.zeros((20 * 44100, 2), np.float32)
    mono = mix_warned(np.concatenate([silence, np.tile(wide * np.float32([1, -1]), (3, 1))]))
    heard = mono[len(silence) + PIECE * 3 :]
    np.testing.assert_allclose(heard, np.tile(mix(wide), 3)[PIECE * 3 :], atol=1e-6)


def test_surround_with_an_inverted_pair(wide):
    samples = np.zeros((len(wide), 6), np.float32)
    samples[:, :2] = wide * np.float32([1, -1])
    assert same_music(mix_warned(samples), mix(wide)) > 0.999


def test_blocks_and_arrays_choose_alike(tmp_path, wide):
    inverted = wide * np.float32([1, -1])
    path = write(tmp_path / "inverted.wav", inverted, 44100, subtype="FLOAT")
    samples = load_warned(path, f"inverted.wav: {INVERTED}")
    with pytest.warns(AudioWarning, match=INVERTED):
        array = from_samples(inverted, source_rate=44100, sample_rate=RATE)
    np.testing.assert_array_equal(samples, array)
    plain = write(tmp_path / "plain.wav", wide, 44100, subtype="FLOAT")
    np.testing.assert_allclose(samples, load(plain, sample_rate=RATE), atol=1e-6)


@given(st.integers(1, 3 * PIECE), st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_any_signal_keeps_a_fair_share_of_its_power(length, channels, seed):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((length, channels)) @ rng.standard_normal((channels, channels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        mono = mix(samples.astype(np.float32))
    assert len(mono) == length
    if length > 10_000:
        independent = (samples**2).mean() / channels
        assert (mono**2).mean() > independent / 6
