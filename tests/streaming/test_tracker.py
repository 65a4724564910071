from __future__ import annotations

import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import beattrack
from beattrack.audio import AudioWarning
from beattrack.errors import AudioError, ModelError, SettingsError
from beattrack.streaming import StreamTracker, stream
from tests.streaming_cases import (
    CHUNK_SIZES,
    RATE,
    TWO_VIEWS,
    FakeDecoder,
    FakeNetwork,
    chunk_sizes,
    cut,
    noise,
)
from tests.synth import click_clip

TIMES = np.arange(0.5, 4, 0.5)


def tracker(rate: float = 44100, channels: int = 1, look_ahead: int = 0) -> StreamTracker:
    return StreamTracker(
        FakeNetwork(TWO_VIEWS, look_ahead), FakeDecoder(), sample_rate=rate, channels=channels
    )


def activations(samples: np.ndarray, sizes: int | list[int], rate: int = 44100) -> np.ndarray:
    of = tracker(rate, 1 if samples.ndim == 1 else samples.shape[1])
    for chunk in cut(samples, sizes):
        of.process(chunk)
    of.finish()
    return np.array(of.decoder.activations)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def clicks() -> np.ndarray:
    return click_clip(TIMES, duration=4, sample_rate=44100)


@pytest.mark.parametrize("look_ahead", [0, 4])
def test_beats_are_reported_with_the_chunk_that_completes_them(clicks: np.ndarray, look_ahead: int) -> None:
    of = tracker(look_ahead=look_ahead)
    told = []
    for chunk in cut(clicks, 441):
        told += [(beat.time, of.seconds) for beat in of.process(chunk)]
    times, reported = np.array(told).T
    np.testing.assert_allclose(times, TIMES, atol=0.025)
    assert (reported - times).max() <= of.delay + 0.011
    assert of.delay == pytest.approx(0.0044 + 0.0232 + look_ahead / 100, abs=1e-3)
    assert of.state.bpm == pytest.approx(120)


@pytest.mark.parametrize("size", CHUNK_SIZES[1:])
def test_chunks_change_nothing(clicks: np.ndarray, size: int) -> None:
    part = clicks[:50_000]
    np.testing.assert_array_equal(activations(part, size), activations(part, len(part)))


@given(sizes=chunk_sizes)
@settings(max_examples=8, deadline=None)
def test_nor_do_chunks_of_mixed_sizes(sizes: list[int]) -> None:
    samples = noise(0.4, 48000, channels=2)
    np.testing.assert_array_equal(activations(samples, sizes, 48000), activations(samples, 40000, 48000))


def test_nor_do_single_samples() -> None:
    samples = noise(0.3, 44100)
    np.testing.assert_array_equal(activations(samples, 1), activations(samples, len(samples)))


def test_every_frame_is_tracked_and_the_end_is_final(clicks: np.ndarray) -> None:
    of = tracker(look_ahead=4)
    for chunk in cut(clicks, 1000):
        of.process(chunk)
    of.finish()
    assert of.network.frames == len(of.decoder.activations) == 400  # type: ignore[attr-defined]
    assert of.network.slow_frames in (38, 39)  # type: ignore[attr-defined]
    assert of.finish() == []
    with pytest.raises(AudioError, match=r"finished; call reset\(\)"):
        of.process(clicks)


def test_a_beat_at_the_very_end_is_still_found() -> None:
    of = tracker(RATE, look_ahead=10)
    samples = np.zeros(RATE, np.float32)
    samples[-300:] = 0.9
    assert of.process(samples) == []
    assert len(of.finish()) == 1


def test_after_a_reset_it_is_as_new(clicks: np.ndarray) -> None:
    of = tracker()
    before = [beat for chunk in cut(clicks, 4410) for beat in of.process(chunk)] + of.finish()
    of.reset()
    assert of.seconds == 0
    assert of.state.bpm is None
    assert [beat for chunk in cut(clicks, 441) for beat in of.process(chunk)] + of.finish() == before


def test_samples_that_are_not_finite_are_silence_and_warned_of_once(clicks: np.ndarray) -> None:
    damaged = clicks.copy()
    damaged[10_000:10_100] = np.nan
    damaged[50_000] = np.inf
    of = tracker()
    with pytest.warns(AudioWarning, match="not finite were set to 0") as told:
        beats = [beat for chunk in cut(damaged, 441) for beat in of.process(chunk)]
    assert len(told) == 1
    np.testing.assert_allclose([beat.time for beat in beats], TIMES, atol=0.025)
    assert np.isfinite(of.decoder.activations).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_integers_have_the_full_scale_of_their_type(clicks: np.ndarray, dtype: str) -> None:
    whole = (clicks.astype(float) * np.iinfo(dtype).max).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(activations(whole, 441), activations(clicks, 441), atol=1e-3)


def test_the_generator_yields_the_same_beats(clicks: np.ndarray) -> None:
    of = tracker(channels=2)
    samples = np.stack([clicks, clicks], axis=1)
    expected = [beat for chunk in cut(samples, 441) for beat in of.process(chunk)] + of.finish()
    chunks = cut(samples, 441)
    found = beattrack.stream(chunks, 44100, model=FakeNetwork(TWO_VIEWS), decoder=FakeDecoder())
    assert next(found) == expected[0]
    assert len(list(chunks)) > 300  # the first beat came before the rest was asked for
    assert (
        list(stream(cut(samples, 99), 44100, model=FakeNetwork(TWO_VIEWS), decoder=FakeDecoder())) == expected
    )
    assert list(stream([], 44100)) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sample_rate": 0}, "sample_rate must be a positive number"),
        ({"sample_rate": "44100"}, "sample_rate must be a number"),
        ({"sample_rate": 44100, "channels": 0}, "channels must be from 1 to 64"),
        ({"sample_rate": 44100, "channels": 1.5}, "channels must be a whole number"),
        ({"sample_rate": 44100, "tempo": 3}, "no option tempo"),
        ({"sample_rate": 44100, "min_bpm": 300}, "bpm"),
    ],
)
def test_wrong_settings_are_refused(options: dict, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        StreamTracker(FakeNetwork(), **options)


def test_options_of_a_decoder_object_are_its_own() -> None:
    with pytest.raises(SettingsError, match="cannot be combined with a decoder object"):
        StreamTracker(FakeNetwork(), FakeDecoder(), sample_rate=RATE, min_bpm=60)


def test_a_rate_that_is_no_sound_is_refused() -> None:
    with pytest.raises(AudioError, match="1000 to 768000 Hz"):
        tracker(10)


def test_a_model_that_looks_ahead_is_refused() -> None:
    with pytest.raises(ModelError, match="causal"):
        StreamTracker("tcn", sample_rate=RATE)


def test_memory_does_not_grow() -> None:
    of = tracker(RATE)
    chunk = noise(0.1)

    def listen(chunks: int) -> int:
        for _ in range(chunks):
            of.process(chunk)
            of.decoder.activations.clear()  # type: ignore[attr-defined]
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early = listen(30)
        assert abs(listen(150) - early) < 20_000
    finally:
        tracemalloc.stop()


def test_plain_prediction_imports_none_of_it() -> None:
    code = (
        "import sys, beattrack\nfrom beattrack.cli.predict import predict\nbeattrack.BeatTracker\n"
        "names = ('beattrack.streaming', 'beattrack.live', 'sounddevice', 'pythonosc', 'mido', 'rtmidi')\n"
        "assert not [name for name in names if name in sys.modules]"
    )
    root = Path(beattrack.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
