from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from beattrack.audio import from_samples, load
from beattrack.errors import AudioError, SettingsError
from beattrack.spectrogram import FRAMES_PER_BLOCK, Spectrogram, SpectrogramSettings, filterbank
from tests.synth import click_clip, drum_clip

RATE = 22050
DEFAULT = Spectrogram()
VARIANTS = [
    SpectrogramSettings(),
    SpectrogramSettings(fps=97.5),
    SpectrogramSettings(fps=50, bands_per_octave=24),
    SpectrogramSettings(sample_rate=44100, frame_size=2048, fmax=17000),
    SpectrogramSettings(fps=7, frame_size=512, fmin=100, fmax=5000),  # frames do not even touch
    SpectrogramSettings(sample_rate=16000, fps=62.5, frame_size=400, bands_per_octave=6, fmax=8000.0),
]


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return drum_clip([100, 130], beats_per_bar=3, duration=8)[0]


@pytest.fixture(scope="module")
def reference(shared: Path) -> ModuleType:
    """The code that made the training data."""
    spec = importlib.util.spec_from_file_location("lfs", shared / "data" / "lfs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chirp(samples: int) -> np.ndarray:
    seconds = np.arange(samples) / RATE
    tone = np.sin(2 * np.pi * (100 * seconds + 9000 * seconds**2))
    return (0.5 * tone * (0.5 + 0.5 * np.cos(2 * np.pi * 7 * seconds))).astype(np.float32)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def by_definition(samples: np.ndarray, settings: SpectrogramSettings) -> np.ndarray:
    """Frame by frame, in double precision."""
    size = settings.frame_size
    padded = np.concatenate([np.zeros(size), samples, np.zeros(2 * size)])
    rows = []
    for frame in itertools.count():
        centre = frame * settings.sample_rate / settings.fps  # in this order: halves are exact
        if centre >= len(samples):
            break
        start = size + math.floor(centre + 0.5) - size // 2
        rows.append(np.abs(np.fft.rfft(padded[start : start + size] * np.hanning(size))))
    return np.array(rows).reshape(-1, size // 2 + 1) @ filterbank(settings).astype(float)


def relative_error(result: np.ndarray, wanted: np.ndarray) -> float:
    assert result.shape == wanted.shape
    return float(np.abs(result - wanted).max(initial=0) / np.abs(wanted).max(initial=1e-9))


# --- equal to the definition --------------------------------------------------------------------------------


def test_the_spectrogram_is_the_stored_one():
    golden = np.load(Path(__file__).parent / "golden" / "spectrogram.npz")["chirp"]
    assert golden.shape == (31, 73)
    assert relative_error(DEFAULT(chirp(6700)), golden) < 1e-6


def test_the_filterbank_is_that_of_the_training_data(reference):
    np.testing.assert_allclose(filterbank(SpectrogramSettings()), reference.FB, rtol=1e-6)


@pytest.mark.parametrize("samples", [1, 220, 221, 441, 442, 5000, 256 * 220, 60_001, 200_000])
def test_the_spectrogram_is_that_of_the_training_data(reference, samples):
    clip = noise(samples)
    assert relative_error(DEFAULT(clip), reference.spectrogram(clip)) < 1e-6


def test_a_recording_has_the_spectrogram_of_the_training_data(reference, shared):
    path = next((shared / "data" / "cc0_audio").glob("*.ogg"))
    wanted = reference.spectrogram(reference.load(str(path)))
    assert relative_error(DEFAULT(load(path, sample_rate=RATE)), wanted) < 1e-6


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("samples", [0, 1, 100, 10_000, 130_000])
def test_every_setting_follows_the_definition(variant, samples):
    clip = noise(samples, seed=samples)
    result = Spectrogram(variant)(clip)
    assert result.dtype == np.float32
    assert result.shape == (math.ceil(samples * variant.fps / variant.sample_rate), variant.bands)
    assert relative_error(result, by_definition(clip, variant)) < 1e-6


@st.composite
def any_settings(draw: st.DrawFn) -> SpectrogramSettings:
    rate = draw(st.integers(4000, 96_000))
    low = draw(st.floats(10, 1500))
    try:
        return SpectrogramSettings(
            sample_rate=rate,
            fps=draw(st.floats(5, 300)),
            frame_size=2 * draw(st.integers(64, 1500)),
            bands_per_octave=draw(st.integers(1, 30)),
            fmin=low,
            fmax=min(low * draw(st.floats(2, 100)), rate / 2),
        )
    except SettingsError:  # too narrow for a filter
        reject()


@given(variant=any_settings(), samples=st.integers(0, 4000))
@settings(max_examples=60, deadline=None)
def test_any_settings_follow_the_definition(variant, samples):
    clip = noise(samples)
    result = Spectrogram(variant)(clip)
    assert len(result) == variant.frames(samples)
    assert relative_error(result, by_definition(clip, variant)) < 2e-6


# --- the filterbank -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_filters_are_triangles_of_unit_sum(variant):
    bank = filterbank(variant)
    assert bank.shape == (variant.frame_size // 2 + 1, variant.bands)
    np.testing.assert_allclose(bank.sum(axis=0), 1, atol=1e-6)
    assert bank.min() == 0
    peaks = bank.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    for weights, peak in zip(bank.T, peaks, strict=True):
        assert (np.diff(weights[: peak + 1]) >= 0).all()
        assert (np.diff(weights[peak:]) <= 0).all()
    hertz = np.flatnonzero(bank.any(axis=1)) * variant.sample_rate / variant.frame_size
    assert variant.fmin - variant.sample_rate / variant.frame_size < hertz[0]
    assert hertz[-1] < variant.fmax


def test_a_sine_excites_the_filter_around_it():
    seconds = np.arange(RATE) / RATE
    peaks = filterbank(SpectrogramSettings()).argmax(axis=0) * RATE / 1024  # Hz
    for pitch in (110, 440, 1000, 3520, 9000):
        loudest = DEFAULT(np.sin(2 * np.pi * pitch * seconds)).mean(axis=0).argmax()
        assert abs(peaks[loudest] - pitch) < max(RATE / 1024, 0.06 * pitch)


# --- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [50, 97.5, 100, 172.3])
def test_frames_are_centred_at_their_time(fps):
    spectrogram = Spectrogram(SpectrogramSettings(fps=fps))
    for frame in (0, 1, 7, 100, FRAMES_PER_BLOCK, 3 * FRAMES_PER_BLOCK + 1):
        clip = np.zeros(round(RATE * (frame + 20) / fps), np.float32)
        clip[round(frame / fps * RATE)] = 1  # the window is highest at its centre
        assert spectrogram(clip).sum(axis=1).argmax() == frame


def test_clicks_show_at_their_times():
    times = np.array([0.3, 1.0, 1.51, 2.25])
    energy = DEFAULT(click_clip(times, duration=3)).sum(axis=1)
    rises = np.flatnonzero((energy[1:] > 0) & (energy[:-1] == 0)) + 1
    # A click shows first in the frame whose window, 23 ms to each side, just reaches it.
    np.testing.assert_allclose(rises / 100, times - 512 / RATE, atol=0.011)


@pytest.mark.parametrize("frames", [2, 40, 256, 1000])
def test_silence_before_shifts_the_frames(music, frames):
    assert frames % 2 == 0  # two frames are 441 samples
    later = DEFAULT(np.concatenate([np.zeros(frames // 2 * 441, np.float32), music]))
    original = DEFAULT(music)
    assert relative_error(later[frames:], original) < 1e-6
    assert (later[: max(frames - 3, 0)] == 0).all()


def test_silence_after_changes_nothing(music):
    longer = DEFAULT(np.concatenate([music, np.zeros(30_000, np.float32)]))
    original = DEFAULT(music)
    assert relative_error(longer[: len(original)], original) < 1e-6
    assert (longer[len(original) + 3 :] == 0).all()


# --- level --------------------------------------------------------------------------------------------------


def test_silence_gives_zeros():
    assert (DEFAULT(np.zeros(5000, np.float32)) == 0).all()
    assert DEFAULT(np.empty(0, np.float32)).shape == (0, 73)


@pytest.mark.parametrize("gain", [2.0**-10, 0.5, 4.0])
def test_gain_scales_exactly(music, gain):
    np.testing.assert_array_equal(DEFAULT(music * np.float32(gain)), DEFAULT(music) * np.float32(gain))


@given(gain=st.floats(1e-4, 1e4))
@settings(max_examples=20, deadline=None)
def test_gain_scales(gain):
    clip = noise(3000)
    assert relative_error(DEFAULT(clip * gain), DEFAULT(clip) * gain) < 1e-6


def test_polarity_does_not_matter(music):
    np.testing.assert_array_equal(DEFAULT(-music), DEFAULT(music))


def test_an_offset_hardly_matters(music):
    change = np.abs(DEFAULT(music + np.float32(0.1)) - DEFAULT(music))[3:-3]
    in_its_own_bin = 0.1 * np.hanning(1024).sum()  # no filter reaches down there
    assert change.max() < 1e-3 * in_its_own_bin


# --- streaming ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_blocks_of_any_lengths_give_the_whole(variant, data):
    clip = noise(data.draw(st.integers(0, 150_000)), seed=1)
    cuts = data.draw(st.lists(st.integers(0, len(clip)), max_size=30).map(sorted))
    spectrogram = Spectrogram(variant)
    parts = list(spectrogram.blocks(np.split(clip, cuts)))
    assert all(len(part) for part in parts)
    whole = np.concatenate([np.empty((0, variant.bands), np.float32), *parts])
    np.testing.assert_array_equal(whole, spectrogram(clip))


def test_single_samples_give_the_whole():
    clip = noise(2000)
    np.testing.assert_array_equal(np.concatenate(list(DEFAULT.blocks(clip[:, np.newaxis]))), DEFAULT(clip))


def test_blocks_come_as_soon_as_they_suffice():
    fed = 0

    def feed():
        nonlocal fed
        for _ in range(1000):
            fed += 441
            yield np.zeros(441, np.float32)

    for number, _ in enumerate(DEFAULT.blocks(feed())):
        frames = min((number + 1) * FRAMES_PER_BLOCK, 2000)
        assert fed - 441 < (frames - 1) * 220.5 + 512 <= fed + 512


def test_a_block_comes_with_its_last_sample():
    last = (FRAMES_PER_BLOCK - 1) * 441 // 2 + 1 + 512  # that frame's centre is rounded up
    first_samples = iter([np.zeros(last - 1, np.float32), np.zeros(1, np.float32)])
    assert len(next(DEFAULT.blocks(first_samples))) == FRAMES_PER_BLOCK
    assert list(first_samples) == []
    first_samples = iter([np.zeros(last, np.float32), np.zeros(1, np.float32)])
    assert len(next(DEFAULT.blocks(first_samples))) == FRAMES_PER_BLOCK
    assert len(list(first_samples)) == 1


def test_a_block_may_end_between_two_frames():
    sparse = Spectrogram(SpectrogramSettings(sample_rate=4000, fps=20, frame_size=64, fmin=200, fmax=2000))
    clip = noise((FRAMES_PER_BLOCK + 3) * 200)
    for cut in range((FRAMES_PER_BLOCK - 1) * 200, (FRAMES_PER_BLOCK + 1) * 200, 13):
        parts = sparse.blocks([clip[:cut], clip[cut:]])
        np.testing.assert_array_equal(np.concatenate(list(parts)), sparse(clip))
        parts = sparse.blocks([clip[:cut]])
        np.testing.assert_array_equal(np.concatenate(list(parts)), sparse(clip[:cut]))


def test_no_blocks_give_no_frames():
    assert list(DEFAULT.blocks([])) == []
    assert list(DEFAULT.blocks([np.empty(0, np.float32)])) == []


def test_threads_may_share_a_spectrogram(music):
    whole = DEFAULT(music)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: DEFAULT(music), range(8)):
            np.testing.assert_array_equal(result, whole)


# --- samples from elsewhere ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [32000, 44100, 48000, 96000])
def test_the_sample_rate_of_the_file_hardly_matters(rate):
    master = drum_clip(110, duration=4, sample_rate=192_000)[0]
    from_master = DEFAULT(from_samples(master, source_rate=192_000, sample_rate=RATE))
    other = DEFAULT(from_samples(soxr.resample(master, 192_000, rate), source_rate=rate, sample_rate=RATE))
    length = min(len(from_master), len(other))
    below_the_filters_edge = slice(0, 70)
    change = np.log10(1 + other[:length]) - np.log10(1 + from_master[:length])
    assert np.abs(change[3:-3, below_the_filters_edge]).max() < 0.001


@pytest.mark.parametrize("kind", ["MP3", "OGG"])
def test_lossy_coding_hardly_matters(tmp_path, kind):
    clip = drum_clip(110, duration=4, sample_rate=44100)[0]
    with soundfile.SoundFile(tmp_path / "clip", "w", 44100, 1, format=kind) as file:
        for start in range(0, len(clip), 4096):
            file.write(clip[start : start + 4096])
    wanted = np.log10(1 + DEFAULT(from_samples(clip, source_rate=44100, sample_rate=RATE)))
    result = np.log10(1 + DEFAULT(load(tmp_path / "clip", sample_rate=RATE)))
    assert result.shape == wanted.shape
    assert np.sqrt(np.mean((result - wanted) ** 2)) < 0.05 * wanted.std()


def test_double_precision_and_steps_are_taken(music):
    np.testing.assert_array_equal(DEFAULT(music.astype(np.float64)), DEFAULT(music))
    np.testing.assert_array_equal(DEFAULT(np.repeat(music, 2)[::2]), DEFAULT(music))


@pytest.mark.parametrize(
    "samples", [np.zeros((10, 2)), np.float32(1), np.zeros(10, np.int16), np.zeros(10, bool), [1, 2]]
)
def test_other_arrays_are_refused(samples):
    with pytest.raises(AudioError, match="from_samples"):
        DEFAULT(samples)
    with pytest.raises(AudioError, match="from_samples"):
        list(DEFAULT.blocks([samples]))


# --- settings -----------------------------------------------------------------------------------------------


def test_the_default_has_73_bands_from_30_to_11025_hertz():
    assert SpectrogramSettings().bands == 73
    assert Spectrogram().settings == SpectrogramSettings()


@pytest.mark.parametrize("variant", VARIANTS)
def test_settings_survive_json(variant):
    assert SpectrogramSettings.from_dict(json.loads(json.dumps(variant.to_dict()))) == variant


def test_settings_are_values():
    assert SpectrogramSettings(fps=100.0) == SpectrogramSettings()
    assert len({SpectrogramSettings(), SpectrogramSettings(fps=100.0), SpectrogramSettings(fps=50)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        SpectrogramSettings().fps = 50  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate", 0),
        ("sample_rate", 22050.0),
        ("sample_rate", True),
        ("fps", 0),
        ("fps", -1),
        ("fps", math.nan),
        ("fps", math.inf),
        ("fps", "100"),
        ("fps", 30_000),
        ("frame_size", 0),
        ("frame_size", 1023),
        ("frame_size", 1024.5),
        ("frame_size", None),
        ("bands_per_octave", 0),
        ("bands_per_octave", 2.5),
        ("fmin", 0),
        ("fmin", -30.0),
        ("fmin", 20_000.0),
        ("fmin", 10_000.0),
        ("fmin", math.nan),
        ("fmax", 30.0),
        ("fmax", 11_026.0),
        ("fmax", math.inf),
    ],
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(SettingsError, match=field if value != 10_000.0 else "too narrow"):
        SpectrogramSettings(**{field: value})


@pytest.mark.parametrize("change", [{"hop": 441}, {"fps": None}])
def test_settings_with_other_fields_are_refused(change):
    data = SpectrogramSettings().to_dict() | change
    if change == {"fps": None}:
        del data["fps"]
    with pytest.raises(SettingsError, match=next(iter(change))):
        SpectrogramSettings.from_dict(data)
