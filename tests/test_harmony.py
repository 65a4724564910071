from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from beattrack.audio import load
from beattrack.errors import AudioError, SettingsError
from beattrack.harmony import (
    FRAMES_PER_BLOCK,
    MAX_RIPPLE,
    Harmony,
    HarmonySettings,
    _low_pass_taps,
    filterbank,
)
from beattrack.runtime.records import from_dict
from beattrack.spectrogram import Spectrogram
from tests.synth import drum_clip

RATE = 22050
DEFAULT = Harmony()
VARIANTS = [
    HarmonySettings(),
    HarmonySettings(fps=9.7),
    HarmonySettings(sample_rate=44100, frame_size=16384),
    HarmonySettings(sample_rate=16000, fps=12.5, frame_size=2048, fmin=110.0, bands=24),
    HarmonySettings(bands=36, bands_per_octave=6, frame_size=4098),  # an odd number of pairs: full rate
    HarmonySettings(bands=100),  # up to 10.5 kHz: full rate
]
TOLERANCE = 10 ** (-70 / 20)  # of the largest magnitude


@pytest.fixture(scope="module")
def reference(shared: Path) -> ModuleType:
    """The code that made the training data."""
    spec = importlib.util.spec_from_file_location("lfs", shared / "data" / "lfs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def sine(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def bank_by_definition(settings: HarmonySettings) -> np.ndarray:
    """(bins, bands) in double precision."""
    size = settings.frame_size
    step = 2 ** (1 / settings.bands_per_octave)
    weights = np.zeros((size // 2 + 1, settings.bands))
    for k in range(size // 2 + 1):
        for band in range(settings.bands):
            hertz = k * settings.sample_rate / size
            centre = settings.fmin * step**band
            if centre / step < hertz <= centre:
                weights[k, band] = (hertz - centre / step) / (centre - centre / step)
            elif centre < hertz < centre * step:
                weights[k, band] = (centre * step - hertz) / (centre * step - centre)
    for band in np.flatnonzero(weights.sum(axis=0) == 0):
        weights[round(settings.fmin * step**band * size / settings.sample_rate), band] = 1
    return weights


def bins_by_definition(samples: np.ndarray, settings: HarmonySettings) -> np.ndarray:
    """(frames, bins): frame by frame at the full rate, in double precision."""
    size = settings.frame_size
    rows = []
    while (centre := len(rows) * settings.sample_rate / settings.fps) < len(samples):
        start = math.floor(centre + 0.5) - size // 2
        frame = np.zeros(size)
        begin, end = max(start, 0), min(start + size, len(samples))
        frame[begin - start : end - start] = samples[begin:end]
        rows.append(np.abs(np.fft.rfft(frame * np.hanning(size))) * 4 / size)
    return np.array(rows).reshape(-1, size // 2 + 1)


def by_definition(samples: np.ndarray, settings: HarmonySettings) -> np.ndarray:
    return bins_by_definition(samples, settings) @ bank_by_definition(settings)


def relative_error(result: np.ndarray, wanted: np.ndarray) -> float:
    assert result.shape == wanted.shape
    return float(np.abs(result - wanted).max(initial=0) / np.abs(wanted).max(initial=1e-9))


# --- equal to the definition --------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("samples", [0, 1, 100, 2205, 2206, 30_000, 190_000])
def test_every_setting_follows_the_definition(variant, samples):
    clip = noise(samples, seed=samples)
    result = Harmony(variant)(clip)
    assert result.dtype == np.float32
    assert result.shape == (math.ceil(samples * variant.fps / variant.sample_rate), variant.bands)
    assert relative_error(result, by_definition(clip, variant)) < TOLERANCE


@st.composite
def any_settings(draw: st.DrawFn) -> HarmonySettings:
    try:
        return HarmonySettings(
            sample_rate=draw(st.integers(4000, 50_000)),
            fps=draw(st.floats(2, 60)),
            frame_size=2 * draw(st.integers(64, 2000)),
            fmin=draw(st.floats(20, 800)),
            bands=draw(st.integers(1, 40)),
            bands_per_octave=draw(st.integers(1, 24)),
        )
    except SettingsError:  # frames apart, or bands beyond half the sample rate
        reject()


SHORT_FILTER = HarmonySettings(
    sample_rate=9147, fps=15, frame_size=2048, fmin=450, bands=8, bands_per_octave=15
)


@given(variant=any_settings(), samples=st.integers(0, 30_000))
@settings(max_examples=30, deadline=None)
@example(variant=SHORT_FILTER, samples=628)
def test_any_settings_follow_the_definition(variant, samples):
    clip = noise(samples)
    bins, bank = bins_by_definition(clip, variant), bank_by_definition(variant)
    harmony = Harmony(variant)
    result = harmony(clip)
    assert result.shape == (len(bins), variant.bands)
    limit = harmony._decimator.factor * MAX_RIPPLE * bank.sum(axis=0) * bins.max(initial=0)  # (bands,)
    assert (np.abs(result - bins @ bank) <= limit).all()


@given(variant=any_settings())
@example(variant=SHORT_FILTER)
@example(variant=HarmonySettings())
@settings(deadline=None)
def test_the_filter_passes_the_bands_and_removes_what_folds_onto_them(variant):
    taps, factor = _low_pass_taps(variant), Harmony(variant)._decimator.factor
    hertz = np.linspace(0, variant.sample_rate / 2, 5001)
    angles = 2 * np.pi * np.outer(hertz / variant.sample_rate, np.arange(len(taps)))
    gains = np.abs(np.exp(-1j * angles) @ taps)
    limit = 1.01 * MAX_RIPPLE  # its frequencies are between those of this grid
    assert np.abs(gains[hertz <= variant.fmax] - 1).max() <= limit
    if factor > 1:
        assert gains[hertz >= variant.sample_rate / factor - variant.fmax].max() <= limit


def test_the_filter_of_the_shipped_model_has_the_length_it_was_trained_with():
    assert len(_low_pass_taps(HarmonySettings())) == 105


def test_typical_bands_are_closer_than_the_loudest_asks():
    clip = noise(20 * RATE)
    wanted = by_definition(clip, HarmonySettings())
    error = np.abs(DEFAULT(clip) - wanted) / wanted
    assert np.percentile(error, 99) < 1e-3


@pytest.mark.parametrize("click", [0, 1, 5000, 29_999])
def test_clicks_at_the_ends_and_inside_follow_the_definition(click):
    clip = np.zeros(30_000, np.float32)
    clip[click] = 1
    assert relative_error(DEFAULT(clip), by_definition(clip, HarmonySettings())) < TOLERANCE


@pytest.mark.parametrize("hertz", [2300, 2756, 3290, 3400, 5400, 6000, 9000, 10_900])
def test_what_sounds_above_the_bands_does_not_fold_onto_them(hertz):
    clip = sine(hertz)
    change = np.abs(DEFAULT(clip) - by_definition(clip, HarmonySettings())).max()
    assert change < TOLERANCE  # a sine of amplitude 1 inside the bands gives about 1


def test_the_filterbank_is_that_of_the_training_data(reference):
    np.testing.assert_allclose(filterbank(HarmonySettings()), reference.H_FB, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("samples", [1, 2205, 2206, 60_001, 64 * 2205, 200_000])
def test_the_view_is_that_of_the_training_data(reference, samples):
    clip = noise(samples)
    assert relative_error(DEFAULT(clip), reference.harmony(clip)) < TOLERANCE


def test_a_recording_has_the_view_of_the_training_data(reference, shared):
    path = next((shared / "data" / "cc0_audio").glob("*.ogg"))
    wanted = reference.harmony(reference.load(str(path)))
    assert relative_error(DEFAULT(load(path, sample_rate=RATE)), wanted) < TOLERANCE


# --- pitch, time, level -------------------------------------------------------------------------------------


def test_a_sine_is_loudest_in_the_band_of_its_semitone():
    for band in range(73):
        middle = DEFAULT(sine(32.7 * 2 ** (band / 12)))[10]
        # The lowest bands are narrower than the window resolves: D1's sum of bins is as large in C#1.
        assert abs(int(middle.argmax()) - band) <= (1 if band < 3 else 0)
        assert 0.5 < middle[band] < 3


@pytest.mark.parametrize("fps", [7.3, 10, 21.5])
def test_frames_are_centred_at_their_time(fps):
    harmony = Harmony(HarmonySettings(fps=fps))
    for frame in (0, 1, 7, FRAMES_PER_BLOCK, 2 * FRAMES_PER_BLOCK + 1):
        clip = np.zeros(round(RATE * (frame + 5) / fps), np.float32)
        clip[round(frame / fps * RATE)] = 1  # the window is highest at its centre
        assert harmony(clip).sum(axis=1).argmax() == frame


def test_silence_gives_zeros():
    assert (DEFAULT(np.zeros(50_000, np.float32)) == 0).all()
    assert DEFAULT(np.empty(0, np.float32)).shape == (0, 73)


def test_silence_after_changes_nothing_but_the_number_of_frames():
    clip = noise(50_000)
    longer = DEFAULT(np.concatenate([clip, np.zeros(300_000, np.float32)]))
    original = DEFAULT(clip)
    np.testing.assert_array_equal(longer[: len(original)], original)
    assert (longer[len(original) + 3 :] == 0).all()


@pytest.mark.parametrize("gain", [2.0**-10, 0.5, -4.0])
def test_gain_scales_exactly(gain):
    clip = noise(30_000)
    np.testing.assert_array_equal(DEFAULT(clip * np.float32(gain)), DEFAULT(clip) * np.float32(abs(gain)))


# --- streaming ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_blocks_of_any_lengths_give_the_whole(variant, data):
    clip = noise(data.draw(st.integers(0, 350_000)), seed=1)
    cuts = data.draw(st.lists(st.integers(0, len(clip)), max_size=30).map(sorted))
    harmony = Harmony(variant)
    accumulator = harmony.accumulator()
    for block in np.split(clip, cuts):
        accumulator.push(block)
    np.testing.assert_array_equal(accumulator.frames(), harmony(clip))


def test_single_samples_give_the_whole():
    clip = noise(3000)
    accumulator = DEFAULT.accumulator()
    for sample in clip:
        accumulator.push(sample[np.newaxis])
    np.testing.assert_array_equal(accumulator.frames(), DEFAULT(clip))


def test_frames_may_be_asked_for_between_blocks():
    clip = noise(400_000)
    accumulator = DEFAULT.accumulator()
    assert accumulator.frames().shape == (0, 73)
    for start in range(0, len(clip), 70_001):
        np.testing.assert_array_equal(accumulator.frames(), DEFAULT(clip[:start]))
        accumulator.push(clip[start : start + 70_001])
    np.testing.assert_array_equal(accumulator.frames(), DEFAULT(clip))
    np.testing.assert_array_equal(accumulator.frames(), accumulator.frames())


def test_a_pushed_block_may_be_overwritten():
    clip = noise(40_000)
    accumulator = DEFAULT.accumulator()
    block = np.empty(10_000, np.float32)
    for start in range(0, len(clip), len(block)):
        block[:] = clip[start : start + len(block)]
        accumulator.push(block)
    np.testing.assert_array_equal(accumulator.frames(), DEFAULT(clip))


def test_both_views_are_computed_in_one_pass():
    clip = drum_clip(110, duration=30)[0]
    spectrogram, accumulator = Spectrogram(), DEFAULT.accumulator()
    blocks = iter(np.array_split(clip, 37))
    frames = np.concatenate(list(spectrogram.blocks(accumulator.tap(blocks))))
    np.testing.assert_array_equal(frames, spectrogram(clip))
    np.testing.assert_array_equal(accumulator.frames(), DEFAULT(clip))


def test_accumulators_share_nothing():
    clip = noise(300_000)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(DEFAULT, [clip[start:] for start in range(8)]):
            assert result.shape == (137, 73)
        whole = DEFAULT(clip)
        for result in pool.map(DEFAULT, [clip] * 8):
            np.testing.assert_array_equal(result, whole)


def test_memory_does_not_grow_but_for_the_frames():
    accumulator = DEFAULT.accumulator()
    block = noise(500_000)
    accumulator.push(block)
    held = _bytes(accumulator)
    for _ in range(5):
        accumulator.push(block)
    frames = 5 * len(block) / 2205 + FRAMES_PER_BLOCK
    assert _bytes(accumulator) - held <= frames * 73 * 4


def _bytes(accumulator: object) -> int:
    """Size of all arrays that an accumulator holds."""
    total = 0
    for value in vars(accumulator).values():
        items = value if isinstance(value, list) else [value, *getattr(value, "__dict__", {}).values()]
        total += sum(item.nbytes for item in items if isinstance(item, np.ndarray))
    return total


# --- samples ------------------------------------------------------------------------------------------------


def test_double_precision_and_steps_are_taken():
    clip = noise(20_000)
    np.testing.assert_array_equal(DEFAULT(clip.astype(np.float64)), DEFAULT(clip))
    np.testing.assert_array_equal(DEFAULT(np.repeat(clip, 2)[::2]), DEFAULT(clip))


@pytest.mark.parametrize(
    "samples", [np.zeros((10, 2)), np.float32(1), np.zeros(10, np.int16), np.zeros(10, bool), [1, 2]]
)
def test_other_arrays_are_refused(samples):
    accumulator = DEFAULT.accumulator()
    with pytest.raises(AudioError, match="from_samples"):
        DEFAULT(samples)
    with pytest.raises(AudioError, match="from_samples"):
        accumulator.push(samples)
    with pytest.raises(AudioError, match="from_samples"):
        list(accumulator.tap([samples]))
    assert len(accumulator.frames()) == 0


# --- settings -----------------------------------------------------------------------------------------------


def test_the_default_has_73_semitones_from_c1():
    assert Harmony().settings == HarmonySettings()
    assert HarmonySettings().bands == 73
    assert HarmonySettings().fmax == pytest.approx(2217.3, abs=0.1)


@pytest.mark.parametrize("variant", VARIANTS)
def test_settings_survive_json(variant):
    assert from_dict(HarmonySettings, json.loads(json.dumps(variant.to_dict()))) == variant


def test_settings_are_values():
    assert len({HarmonySettings(), HarmonySettings(fps=10), HarmonySettings(fps=20)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        HarmonySettings().fps = 20  # type: ignore[misc]


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
        ("fps", "10"),
        ("fps", 30_000),
        ("fps", 2.5),  # frames do not touch
        ("frame_size", 0),
        ("frame_size", 8191),
        ("frame_size", 8192.0),
        ("frame_size", None),
        ("fmin", 0),
        ("fmin", -32.7),
        ("fmin", 200.0),
        ("fmin", 20_000.0),
        ("fmin", math.nan),
        ("bands", 0),
        ("bands", 10.5),
        ("bands", 101),
        ("bands", 10**400),
        ("bands_per_octave", 0),
        ("bands_per_octave", 2.5),
        ("bands_per_octave", 8),
    ],
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(SettingsError, match="bands" if field == "bands_per_octave" else field):
        HarmonySettings(**{field: value})
