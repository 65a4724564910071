from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.datasets.pack import load_pack
from beattrack.datasets.songs import Song
from beattrack.network.input_level import recording_level
from beattrack.training.examples.crop_settings import CropSettings
from beattrack.training.examples.crops import draw_crop, draw_tempo_factor, in_three, resample
from beattrack.training.examples.metrical_level import LevelSettings
from beattrack.training.examples.targets import Targets
from tests.example_pack import write_pack

STILL = CropSettings(
    frames=400,
    pitch_probability=0,
    gain_db=0,
    equaliser_db=0,
    band_mask_probability=0,
    time_mask_probability=0,
    bass_cut_probability=0,
)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Song:
    folder = tmp_path_factory.mktemp("pack")
    write_pack(folder, songs=1, seconds=20)
    return load_pack(folder)[0]


def onsets(spectrogram: np.ndarray) -> np.ndarray:
    """Frames where the energy jumps up."""
    energy = np.log(spectrogram.mean(axis=1) + 1e-9)
    return np.nonzero(np.diff(energy) > 1.0)[0] + 1


@pytest.mark.parametrize("seed", range(5))
def test_targets_follow_the_resampled_music(song: Song, seed: int) -> None:
    rng = np.random.default_rng(seed)
    crop = draw_crop(song, STILL, rng)
    assert crop.spectrogram.shape == (400, 73)
    assert crop.spectrogram.dtype == np.float32
    beats = np.nonzero(crop.targets.beats == 1)[0]
    found = onsets(crop.spectrogram)
    inside = beats[(beats > 3) & (beats < 396)]
    assert len(inside) >= 2
    for beat in inside:
        assert np.abs(found - beat).min() <= 2


def test_training_tempi_follow_the_log_normal() -> None:
    settings = CropSettings(tempo_factor=(0.01, 100))
    rng = np.random.default_rng(0)
    tempi = np.log([170 * draw_tempo_factor(170, settings, rng, felt=False) for _ in range(4000)])
    assert np.exp(tempi.mean()) == pytest.approx(110, rel=0.03)
    assert tempi.std() == pytest.approx(0.30, rel=0.05)


@given(bpm=st.floats(30, 300), seed=st.integers(0, 99))
def test_tempo_factors_stay_in_their_range(bpm: float, seed: int) -> None:
    factor = draw_tempo_factor(bpm, CropSettings(), np.random.default_rng(seed), felt=True)
    assert 0.55 <= factor <= 1.8


def test_frames_past_the_end_are_silent(song: Song) -> None:
    magnitudes = resample(song.levels, song.quantisation, 1900, 1.0, 400, np.random.default_rng(0))
    assert magnitudes[:99].min() > 0
    assert not magnitudes[102:].any()


def test_resampling_at_the_same_speed_is_the_song(song: Song) -> None:
    magnitudes = resample(song.levels, song.quantisation, 300, 1.0, 200, np.random.default_rng(0))
    exact = song.quantisation.magnitude(song.levels[300:500])
    assert np.abs(20 * np.log10(magnitudes / exact)).max() <= 1.51  # the dither, half a step of 3 dB


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_crop_is_finite_and_of_level_near_one(song: Song, seed: int) -> None:
    lively = replace(STILL, pitch_probability=1, gain_db=4, equaliser_db=4, bass_cut_probability=0.5)
    crop = draw_crop(song, lively, np.random.default_rng(seed))
    assert np.isfinite(crop.spectrogram).all()
    assert 0.05 < recording_level(crop.spectrogram) < 20


def test_one_seed_gives_one_crop(song: Song) -> None:
    crops = [draw_crop(song, CropSettings(), np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(crops[0].spectrogram, crops[1].spectrogram)


def test_crops_learn_the_metrical_level_that_is_chosen(song: Song) -> None:
    def targets(level: LevelSettings) -> Targets:
        settings = replace(STILL, level=level, tempo_factor=(1, 1))
        return draw_crop(song, settings, np.random.default_rng(0)).targets

    assert targets(LevelSettings(halve_bpm=119, halve_probability=1)).bpm == pytest.approx(60, rel=0.02)
    assert targets(LevelSettings(halve_bpm=121, halve_probability=1)).bpm == pytest.approx(120, rel=0.02)
    left_open = targets(LevelSettings(open_bpm=100))
    assert left_open.bpm == 0
    odd = (np.flatnonzero(left_open.beats == 1) + 50)[:-1]
    assert len(odd) >= 2
    assert not left_open.beat_weight[odd].any()
    assert left_open.beat_weight.mean() > 0.8


@pytest.mark.parametrize("dropped", [2, 3, 4])
def test_a_song_in_four_becomes_one_in_three(song: Song, dropped: int) -> None:
    waltz = in_three(song, dropped=dropped)
    assert waltz.metre == 3
    assert waltz.seconds == pytest.approx(song.seconds * 3 / 4, abs=0.5)
    np.testing.assert_allclose(waltz.beats, 0.5 * np.arange(len(waltz.beats)))
    np.testing.assert_array_equal(waltz.positions, np.arange(len(waltz.beats)) % 3 + 1)
    on_beat = song.quantisation.magnitude(waltz.levels).mean(axis=1)[:1450].reshape(-1, 50)
    assert (on_beat.argmax(axis=1) < 3).all()


def test_only_songs_in_four_lose_beats(song: Song) -> None:
    settings = replace(STILL, metre_probability=1, tempo_factor=(1, 1))
    five = replace(song, positions=np.arange(len(song.beats)) % 5 + 1)

    def downbeats(song: Song) -> float:
        return float((draw_crop(song, settings, np.random.default_rng(1)).targets.downbeats == 1).sum())

    assert downbeats(five) == pytest.approx(4 / 2.5, abs=1)
    assert downbeats(song) >= 2


@pytest.mark.parametrize("felt", [False, True])
def test_tempo_is_pulled_as_far_as_asked(felt: bool) -> None:
    ours, other = ("felt_tempo_pull", "tempo_pull")[:: 1 if felt else -1]

    def tempi(pull: float, jitter: float) -> np.ndarray:
        settings = CropSettings(tempo_jitter=jitter, tempo_factor=(0.1, 10), **{ours: pull, other: 0.3})
        rng = np.random.default_rng(0)
        return np.log([70 * draw_tempo_factor(70, settings, rng, felt=felt) for _ in range(2000)])

    assert tempi(0, 0) == pytest.approx(np.log(70))
    assert tempi(0, 0.1).std() == pytest.approx(0.1, rel=0.1)
    assert tempi(0.5, 0).mean() == pytest.approx(np.log(70 * 110) / 2, abs=0.02)
    assert tempi(1, 0).mean() == pytest.approx(np.log(110), abs=0.03)


def chords(song: Song) -> Song:
    """The song with a harmony view in which the chord of each bar of two seconds is its own band."""
    slow = np.zeros((len(song.levels) // 10, 73), np.uint8)
    slow[np.arange(len(slow)), np.arange(len(slow)) // 20 + 20] = 40
    return replace(song, harmony=slow)


@pytest.mark.parametrize("seed", range(5))
def test_the_slow_view_follows_the_resampled_music(song: Song, seed: int) -> None:
    still = replace(STILL, harmony_drop=0, harmony_equaliser_db=0, harmony_bass_cut_probability=0)
    crop = draw_crop(chords(song), still, np.random.default_rng(seed))
    assert crop.harmony is not None
    assert crop.harmony.shape == (40, 73)
    assert recording_level(crop.harmony) == pytest.approx(1, rel=1e-4)
    changes = np.flatnonzero(np.diff(crop.harmony.argmax(axis=1))) + 1
    downbeats = np.flatnonzero(crop.targets.downbeats == 1)
    inside = downbeats[(downbeats > 20) & (downbeats < 380)]
    assert len(inside) >= 1
    for downbeat in inside:
        assert np.abs(10 * changes - downbeat).min() <= 10


def test_both_views_are_transposed_alike(song: Song) -> None:
    levels = np.zeros((2000, 73), np.uint8)
    levels[:, 40] = 40
    slow = np.zeros((200, 73), np.uint8)
    slow[:, 40] = 40
    both = replace(song, levels=levels, harmony=slow)
    lively = replace(STILL, pitch_probability=1, harmony_drop=0)
    shifts = set()
    for seed in range(30):
        crop = draw_crop(both, lively, np.random.default_rng(seed))
        assert crop.harmony is not None
        assert crop.harmony[10].argmax() == crop.spectrogram[100].argmax()
        shifts.add(int(crop.harmony[10].argmax()) - 40)
    assert shifts == set(range(-4, 5))


def test_the_slow_view_is_left_out_as_often_as_asked(song: Song) -> None:
    settings = replace(STILL, harmony_drop=0.3)
    crops = [draw_crop(chords(song), settings, np.random.default_rng(seed)) for seed in range(300)]
    assert sum(crop.harmony is None for crop in crops) == pytest.approx(90, abs=30)
    assert draw_crop(song, settings, np.random.default_rng(0)).harmony is None


def test_cut_beats_are_cut_from_the_slow_view_too(song: Song) -> None:
    waltz = in_three(chords(song), dropped=3)
    assert waltz.harmony is not None
    assert len(waltz.harmony) == pytest.approx(len(waltz.levels) / 10, abs=1)
    bands = waltz.harmony.argmax(axis=1) - 20  # the bar each slow frame was in
    expected = np.arange(len(bands)) // 15
    assert np.abs(bands - expected).max() <= 1
    assert (bands == expected).mean() > 0.8
