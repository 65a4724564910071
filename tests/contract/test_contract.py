"""The contract: what any recording may be, and what does not change its beats."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soxr

from beattrack.result import Beats
from beattrack.tracker import BeatTracker
from tests.audio_cases import write
from tests.contract_cases import check, moved
from tests.synth import drum_clip

RATE = 44100
FRAME = 0.01 + 1e-6  # seconds, and what adding them loses

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg on PATH")


@pytest.fixture(scope="module")
def tracker() -> BeatTracker:
    return BeatTracker(threads=1)


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    """(samples,) 12 seconds at 44.1 kHz, loud from start to end."""
    music = drum_clip(118, duration=12.0, sample_rate=RATE, first_beat=0.1)[0]
    music.flags.writeable = False
    return music


@pytest.fixture(scope="module")
def reference(tracker: BeatTracker, music: np.ndarray) -> Beats:
    beats = check(tracker.track(music, RATE))
    assert len(beats) >= 20
    return beats


# --- what a recording may be --------------------------------------------------------------------------------

CONTAINERS = [
    ("a.wav", "PCM_U8"),
    ("a.wav", "PCM_16"),
    ("a.wav", "PCM_24"),
    ("a.wav", "PCM_32"),
    ("a.wav", "FLOAT"),
    ("a.wav", "DOUBLE"),
    ("a.flac", "PCM_S8"),
    ("a.flac", "PCM_16"),
    ("a.flac", "PCM_24"),
    ("a.ogg", "VORBIS"),
    ("a.mp3", "MPEG_LAYER_III"),
    ("a.aiff", "PCM_16"),
    ("a.aiff", "FLOAT"),
    ("a.au", "PCM_16"),
    ("a.au", "ULAW"),
]


@pytest.mark.parametrize(("name", "subtype"), CONTAINERS)
def test_the_same_music_in_any_container(
    tmp_path: Path, tracker: BeatTracker, music: np.ndarray, reference: Beats, name: str, subtype: str
) -> None:
    write(tmp_path / name, music, RATE, subtype=subtype)
    assert moved(check(tracker.track(tmp_path / name)), reference) <= FRAME


def test_the_same_music_in_opus(
    tmp_path: Path, tracker: BeatTracker, music: np.ndarray, reference: Beats
) -> None:
    write(tmp_path / "a.opus", soxr.resample(music, RATE, 48000), 48000, format="OGG", subtype="OPUS")
    assert moved(check(tracker.track(tmp_path / "a.opus")), reference) <= FRAME


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mka"])
def test_the_same_music_by_way_of_ffmpeg(
    tmp_path: Path, tracker: BeatTracker, music: np.ndarray, reference: Beats, name: str
) -> None:
    write(tmp_path / "a.wav", music, RATE)
    encode = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-b:a", "160k", tmp_path / name]
    subprocess.run(encode, check=True)
    assert moved(check(tracker.track(tmp_path / name)), reference) <= FRAME


@pytest.mark.parametrize("rate", [11025, 12000, 16000, 22050, 32000, 48000, 96000, 192000])
def test_the_same_music_at_any_rate(
    tracker: BeatTracker, music: np.ndarray, reference: Beats, rate: int
) -> None:
    assert moved(check(tracker.track(soxr.resample(music, RATE, rate), rate)), reference) <= FRAME


@pytest.mark.parametrize("rate", [4000, 8000])
def test_rates_that_lose_half_of_the_music_keep_nearly_all_beats(
    tracker: BeatTracker, music: np.ndarray, reference: Beats, rate: int
) -> None:
    beats = check(tracker.track(soxr.resample(music, RATE, rate), rate))
    nearest = np.abs(beats.times[:, None] - reference.times).min(axis=1)
    assert (nearest <= 0.03).mean() >= 0.9
    assert len(beats) == pytest.approx(len(reference), abs=2)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_any_number_of_channels(
    tmp_path: Path, tracker: BeatTracker, music: np.ndarray, reference: Beats, channels: int
) -> None:
    write(tmp_path / "a.wav", np.repeat(music[:, None], channels, axis=1), RATE, subtype="PCM_24")
    assert moved(check(tracker.track(tmp_path / "a.wav")), reference) <= FRAME


# --- what holds no beats ------------------------------------------------------------------------------------

SECOND = 22050
NOTHING = {
    "no samples": np.zeros(0),
    "one sample": np.ones(1),
    "10 ms": np.sin(np.arange(SECOND // 100)),
    "silence": np.zeros(3 * SECOND),
    "rounding noise": np.full(3 * SECOND, 1e-9),
    "constant": np.full(3 * SECOND, 0.5),
    "constant, full scale": np.full(SECOND, -1.0),
    "tone": 0.5 * np.sin(2 * np.pi * 440 / SECOND * np.arange(3 * SECOND)),
}


@pytest.mark.parametrize("what", list(NOTHING))
@pytest.mark.parametrize("rate", [22050, 44100])
def test_without_beats_there_is_no_tempo(tracker: BeatTracker, what: str, rate: int) -> None:
    samples = NOTHING[what]
    beats = check(tracker.track(samples.astype(np.float32), rate))
    assert (len(beats), beats.tempo, beats.metre, beats.mean_confidence) == (0, None, None, None)
    assert beats.reason is not None
    assert beats.reason.startswith("no beats: the recording is ")
    assert beats.duration == pytest.approx(len(samples) / rate, abs=1e-4)


@pytest.mark.parametrize("seconds", [3, 10, 30])
def test_a_click_is_at_most_a_beat(tracker: BeatTracker, seconds: int) -> None:
    samples = np.zeros(seconds * SECOND, np.float32)
    samples[SECOND] = 1.0
    beats = check(tracker.track(samples, SECOND))
    assert len(beats) <= 1
    assert beats.tempo is None
    assert np.abs(beats.times - 1.0).max(initial=0.0) <= 0.03


@pytest.mark.parametrize("level", [1e-3, 1.0])
def test_noise_gives_a_result_that_is_unsure(tracker: BeatTracker, level: float) -> None:
    noise = np.random.default_rng(0).standard_normal(20 * SECOND).astype(np.float32)
    beats = check(tracker.track(np.float32(level) * noise, SECOND))
    assert len(beats) == 0 or (beats.mean_confidence is not None and beats.mean_confidence < 0.4)


# --- what changes nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("decibels", [-40, -20, 20, 40])
def test_gain(tracker: BeatTracker, music: np.ndarray, reference: Beats, decibels: int) -> None:
    assert moved(tracker.track(np.float32(10 ** (decibels / 20)) * music, RATE), reference) <= FRAME


def test_polarity(tracker: BeatTracker, music: np.ndarray, reference: Beats) -> None:
    assert moved(tracker.track(-music, RATE), reference) <= FRAME


def test_mono_as_two_channels(tracker: BeatTracker, music: np.ndarray, reference: Beats) -> None:
    assert tracker.track(np.stack([music, music], axis=1), RATE).times.tolist() == reference.times.tolist()


def test_channels_the_other_way_round(tracker: BeatTracker, music: np.ndarray) -> None:
    stereo = np.stack([music, 0.5 * np.roll(music, 5000)], axis=1)
    assert moved(tracker.track(stereo[:, ::-1], RATE), tracker.track(stereo, RATE)) <= FRAME


@pytest.mark.parametrize("seconds", [0.01, 0.5, 1.0, 3.33, 20.0])
def test_silence_in_front_moves_all_beats_by_its_length(
    tracker: BeatTracker, music: np.ndarray, reference: Beats, seconds: float
) -> None:
    silence = np.zeros(round(seconds * RATE), np.float32)
    beats = check(tracker.track(np.concatenate([silence, music]), RATE))
    assert moved(beats, reference, by=seconds) <= FRAME


@pytest.mark.parametrize("seconds", [3.0, 60.0])
def test_silence_in_between_holds_no_beats_and_changes_none_around(
    tracker: BeatTracker, music: np.ndarray, reference: Beats, seconds: float
) -> None:
    silence = np.zeros(round(seconds * RATE), np.float32)
    beats = check(tracker.track(np.concatenate([music, silence, music]), RATE))
    times = beats.times
    assert not ((times > 12.05) & (times < 12.0 + seconds)).any()
    expected = np.concatenate([reference.times, reference.times + 12.0 + seconds])
    assert len(times) == len(expected)
    assert np.abs(times - expected).max() <= 2 * FRAME
    assert beats.bpm == pytest.approx(reference.bpm, abs=0.1)
    assert beats.tempo is not None
    assert beats.tempo.stability < 0.05


def test_silence_after_the_end_adds_no_beats(
    tracker: BeatTracker, music: np.ndarray, reference: Beats
) -> None:
    beats = check(tracker.track(np.concatenate([music, np.zeros(10 * RATE, np.float32)]), RATE))
    assert beats.times[-1] <= 12.0 + 0.05
    assert moved(beats, reference) <= FRAME


def test_a_second_run_is_identical(tracker: BeatTracker, music: np.ndarray, reference: Beats) -> None:
    assert tracker.track(music, RATE) == reference
    assert BeatTracker(threads=1).track(music, RATE) == reference


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(
    tracker: BeatTracker, music: np.ndarray, reference: Beats, threads: int
) -> None:
    other = BeatTracker(threads=threads)
    one, more = tracker.activations(music, RATE), other.activations(music, RATE)
    assert np.abs(one.beats - more.beats).max() <= 1e-5
    assert other.track(music, RATE).times.tolist() == reference.times.tolist()
