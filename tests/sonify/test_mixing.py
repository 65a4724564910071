from __future__ import annotations

import resource
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from beattrack.audio import Excerpt
from beattrack.errors import AudioError, SettingsError
from beattrack.result import Beats
from beattrack.sonify import ClickSettings, write_click_track
from tests.audio_cases import write
from tests.sonify.test_clicks import beats_at

RATE = 44100
TIMES = [0.0, 0.40007, 0.812345, 1.2, 1.6111, 2.0, 2.9]
BEATS = beats_at(TIMES, [1, 2, 3, 4, 1, 2, 3], duration=3.0)


@pytest.fixture
def song(stereo: np.ndarray, tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", stereo, RATE)


def clicked(song: Path, name: str = "out.wav", beats: Beats = BEATS, **options: object) -> np.ndarray:
    out = song.parent / name
    write_click_track(song, beats, out, ClickSettings(**options))  # type: ignore[arg-type]
    return soundfile.read(out, always_2d=True, dtype="float32")[0]


def test_between_the_clicks_the_song_is_unchanged(song: Path) -> None:
    original = soundfile.read(song, dtype="float32")[0]
    mix = clicked(song)
    assert mix.shape == original.shape
    changed = (mix != original).any(axis=1)
    for time in TIMES:
        changed[round(time * RATE) : round(time * RATE) + round(0.06 * RATE)] = False
    assert not changed.any()


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("mode", ["mix", "only", "split"])
def test_clicks_start_within_a_sample_of_the_beats(tmp_path: Path, name: str, rate: int, mode: str) -> None:
    noise = 0.5 * np.random.default_rng(0).uniform(-1, 1, (3 * rate, 2)).astype(np.float32)
    song = write(tmp_path / "song.flac", noise, rate)
    mix = clicked(song, name, mode=mode)
    rest = soundfile.read(song, dtype="float32")[0]
    if mode != "mix":
        rest = np.zeros_like(rest)
    different = (mix != rest)[:, 1]
    for time in TIMES[1:]:
        before = round(time * rate) - 500
        assert before + int(np.argmax(different[before:])) == pytest.approx(time * rate, abs=1)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_an_mp3_is_as_exact_when_decoded(tmp_path: Path, rate: int) -> None:
    samples = np.zeros(3 * rate, np.float32)
    samples[-1] = 0.8  # the clicks are as loud as the song
    song = write(tmp_path / "song.wav", samples, rate)
    exact, coded = clicked(song, "a.wav")[:, 0], clicked(song, "a.mp3")[:, 0]
    assert len(coded) == pytest.approx(len(exact), abs=1)
    for time in TIMES[1:]:
        part = slice(round(time * rate) - 200, round(time * rate) + rate // 20)
        lags = np.correlate(coded[part], exact[part], "full")
        assert abs(int(lags.argmax()) - (part.stop - part.start - 1)) <= 1


@settings(max_examples=25, deadline=None)
@given(
    arrays.arrays(np.float32, (2000, 2), elements=st.floats(-4, 4, width=32), fill=st.just(np.float32(1))),
    st.floats(-60, 0),
    st.sampled_from(["mix", "only", "split"]),
)
def test_the_mix_is_never_louder_than_the_song(
    tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray, level: float, mode: str
) -> None:
    song = tmp_path_factory.mktemp("loud") / "song.wav"
    soundfile.write(song, samples, 8000, subtype="FLOAT")
    beats = beats_at([0.0, 0.03, 0.1, 0.2], [1, 2, 1, 2], duration=0.25)
    mix = clicked(song, beats=beats, level=level, mode=mode)
    assert np.abs(mix).max() <= min(1.0, np.abs(samples).max()) + 1e-6


def test_an_mp3_of_a_song_at_full_scale_does_not_clip(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    loud = np.tanh(3 * rng.standard_normal((3 * RATE, 2))).astype(np.float32)
    song = write(tmp_path / "song.wav", np.cumsum(loud, axis=0) / np.abs(np.cumsum(loud, axis=0)).max(), RATE)
    assert np.abs(clicked(song, "a.mp3")).max() < 1


def test_levels_are_relative_to_the_songs_peak(song: Path) -> None:
    quiet = write(song.with_name("quiet.wav"), soundfile.read(song)[0] / 10, RATE)
    peaks = [np.abs(clicked(path, mode="only", level=-6)).max() for path in (song, quiet)]
    original = np.abs(soundfile.read(song)[0]).max()
    assert peaks[0] == pytest.approx(10 ** (-6 / 20) * original, rel=0.15)  # the sine peaks after its onset
    assert peaks[0] == pytest.approx(10 * peaks[1], rel=1e-2)


def test_only_and_split(song: Path) -> None:
    original = soundfile.read(song, dtype="float32")[0]
    alone = clicked(song, mode="only")
    np.testing.assert_array_equal(alone[:, 0], alone[:, 1])
    split = clicked(song, mode="split")
    np.testing.assert_allclose(split[:, 0], original.mean(axis=1), atol=1e-4)
    np.testing.assert_array_equal(split[:, 1], alone[:, 0])
    mono = write(song.with_name("mono.wav"), original[:, :1], RATE)
    assert clicked(mono).shape == (len(original), 1)
    assert clicked(mono, mode="split").shape == (len(original), 2)


@pytest.mark.parametrize(
    ("subtype", "bits"), [("PCM_16", "PCM_16"), ("PCM_24", "PCM_24"), ("FLOAT", "PCM_24")]
)
def test_the_resolution_of_the_song_is_kept(
    stereo: np.ndarray, tmp_path: Path, subtype: str, bits: str
) -> None:
    song = write(tmp_path / "song.wav", stereo, RATE, subtype=subtype)
    for name in ("a.wav", "a.flac"):
        clicked(song, name)
        info = soundfile.info(tmp_path / name)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (RATE, 2, len(stereo), bits)


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    samples = np.full((8000, 1), 0.5, np.float32)
    samples[100:200] = np.nan
    samples[300] = np.inf
    soundfile.write(tmp_path / "song.wav", samples, 8000, subtype="FLOAT")
    mix = clicked(tmp_path / "song.wav", beats=beats_at([0.5], duration=1))
    assert not mix[100:200].any()
    assert np.abs(mix).max() <= 0.5 + 1e-6


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_a_file_that_only_ffmpeg_reads_keeps_rate_and_channels(song: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-i", str(song), str(song.with_suffix(".m4a"))]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    clicked(song.with_suffix(".m4a"), "a.wav")
    info = soundfile.info(song.with_name("a.wav"))
    assert (info.samplerate, info.channels) == (RATE, 2)


def test_what_an_mp3_cannot_hold_is_one_sentence(tmp_path: Path) -> None:
    six = write(tmp_path / "six.wav", np.zeros((800, 6), np.float32), RATE)
    with pytest.raises(AudioError, match=r"six.wav: has 6 channels, and MP3 holds at most 2; write a \.wav"):
        clicked(six, "a.mp3")
    assert clicked(six, "a.wav").shape == (800, 6)
    assert clicked(six, "a.mp3", mode="split").shape[1] == 2
    high = write(tmp_path / "high.wav", np.zeros((800, 1), np.float32), 96000)
    with pytest.raises(AudioError, match=r"high.wav: has a sample rate of 96000 Hz"):
        clicked(high, "b.mp3")
    assert not (tmp_path / "b.mp3").exists()


def test_an_unknown_suffix_is_refused(song: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown sound format; use one of \.wav, \.flac, \.mp3"):
        clicked(song, "a.xyz")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_a_full_disk_leaves_nothing(song: Path, name: str) -> None:
    before = sorted(song.parent.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(AudioError, match=f"{name}: libsndfile cannot write all of it; is the disk full"):
            clicked(song, name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(song.parent.iterdir()) == before


def test_a_folder_that_is_missing_is_named(song: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        clicked(song, "absent/a.wav")
    assert caught.value.filename == str(song.parent / "absent" / "a.wav")


def test_the_song_may_be_a_file_object(song: Path, tmp_path: Path) -> None:
    with song.open("rb") as file:
        write_click_track(file, BEATS, tmp_path / "b.wav")
    clicked(song, "a.wav")
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def test_a_part_of_the_click_track_is_that_of_the_whole(song: Path) -> None:
    whole = clicked(song, mode="only")
    out = song.with_name("part.wav")
    write_click_track(song, BEATS, out, ClickSettings(mode="only"), excerpt=Excerpt(0.6, 2.5))
    part = soundfile.read(out, always_2d=True, dtype="float32")[0]
    inside = whole[round(0.6 * RATE) : round(2.5 * RATE)]
    assert part.shape == inside.shape
    np.testing.assert_array_equal(part != 0, inside != 0)
