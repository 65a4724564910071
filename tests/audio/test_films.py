from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from beattrack.audio import load
from tests.audio_cases import (
    RATE,
    lag,
    lateness,
    load_warned,
    needs_ffmpeg,
    one_line_error,
    run_ffmpeg,
    write,
)

pytestmark = [pytest.mark.usefixtures("audio_warnings_are_errors"), needs_ffmpeg]

TEST_PICTURE = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=8"]


def film(path: Path, sound: Path, codec: str, offset: float, picture: str = "mpeg4") -> Path:
    delayed = ["-itsoffset", offset, "-i", sound]
    run_ffmpeg(*TEST_PICTURE, *delayed, "-map", "0:v", "-map", "1:a", "-c:v", picture, "-c:a", codec, path)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "picture", "offset"),
    [
        ("film.mp4", "aac", "mpeg4", 0.0),
        ("film.mp4", "aac", "mpeg4", 0.3),
        ("film.mkv", "flac", "mpeg4", 0.0),
        ("film.mkv", "flac", "mpeg4", 1.0),
        ("film.mov", "pcm_s16le", "mpeg4", 1.0),
        ("film.ts", "mp2", "mpeg2video", 1.0),
        ("film.mpg", "ac3", "mpeg2video", 1.0),
        ("film.wmv", "wmav2", "wmv2", 1.0),
        ("film.flv", "aac", "flv", 1.0),
        ("film.webm", "libopus", "libvpx", 1.0),
        ("film.ogv", "libvorbis", "libtheora", 1.0),
    ],
)
def test_sound_starts_where_it_does_in_the_film(tmp_path, click_file, name, codec, picture, offset):
    try:
        path = film(tmp_path / name, click_file, codec, offset, picture)
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg has no {codec} or {picture}")
    assert lateness(path, click_file) / 44100 == pytest.approx(offset, abs=0.015)


def test_gaps_between_timestamps_are_silence(tmp_path, click_file):
    gap = "aselect='not(between(t,2.1,3.3))'"
    for name, codec in (("gap.mkv", "pcm_s16le"), ("gap.ts", "mp2"), ("gap.webm", "libopus")):
        run_ffmpeg("-i", click_file, "-af", gap, "-c:a", codec, tmp_path / name)
        samples, whole = load(tmp_path / name, sample_rate=RATE), load(click_file, sample_rate=RATE)
        assert len(samples) == pytest.approx(len(whole), abs=0.03 * RATE), name
        assert abs(lag(samples[4 * RATE :], whole[4 * RATE :])) < 0.02 * RATE, name
        assert np.abs(samples[round(2.3 * RATE) : 3 * RATE]).max() < 0.01, name


def test_a_broadcast_that_lost_packets_keeps_its_clock(tmp_path, click_file):
    path = film(tmp_path / "film.ts", click_file, "mp2", 0.0, "mpeg2video")
    packets = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 188)
    third = len(packets) // 3
    (tmp_path / "lost.ts").write_bytes(np.delete(packets, slice(third, 3 * third // 2), axis=0).tobytes())
    samples = load_warned(tmp_path / "lost.ts", "lost.ts: is damaged in places")
    whole = load(path, sample_rate=RATE)
    assert len(samples) == pytest.approx(len(whole), abs=0.1 * RATE)
    assert abs(lag(samples[5 * RATE :], whole[5 * RATE :])) < 0.06 * RATE


def test_a_broadcast_that_changes_its_channels(tmp_path, click_file):
    run_ffmpeg("-i", click_file, "-c:a", "ac3", "-ac", "2", tmp_path / "1.ts")
    run_ffmpeg("-i", click_file, "-c:a", "ac3", "-ac", "6", "-output_ts_offset", 6, tmp_path / "2.ts")
    (tmp_path / "both.ts").write_bytes((tmp_path / "1.ts").read_bytes() + (tmp_path / "2.ts").read_bytes())
    samples, whole = load(tmp_path / "both.ts", sample_rate=RATE), load(click_file, sample_rate=RATE)
    assert len(samples) == pytest.approx(12 * RATE, abs=0.1 * RATE)
    assert abs(lag(samples[6 * RATE :], whole)) < 0.06 * RATE


@pytest.mark.parametrize(("name", "codec"), [("film.mkv", "flac"), ("film.mp4", "aac")])
@pytest.mark.parametrize("default", [None, 2])
def test_the_default_track_is_chosen_or_any_other(tmp_path, name, codec, default):
    sounds: list[object] = []
    for index in (1, 2, 3):
        tone = 0.5 * np.sin(2 * np.pi * 200 * index * np.arange(2 * 44100) / 44100)
        sounds += ["-i", write(tmp_path / f"{index}.wav", tone, 44100)]
    maps = ["-map", "0:v", *(option for index in (1, 2, 3) for option in ("-map", f"{index}:a"))]
    marks = ["-disposition:a", "0"] + (
        [] if default is None else [f"-disposition:a:{default - 1}", "default"]
    )
    path = tmp_path / name
    run_ffmpeg(*TEST_PICTURE, *sounds, *maps, "-c:v", "mpeg4", "-c:a", codec, *marks, "-t", 2, path)
    for track, heard in ((None, default or 1), (1, 1), (2, 2), (3, 3)):
        samples = load(path, sample_rate=RATE, track=track)
        spectrum = np.abs(np.fft.rfft(samples[: 2 * RATE]))
        assert spectrum.argmax() / 2 == pytest.approx(200 * heard, abs=2)
    message = one_line_error(lambda: load(path, sample_rate=RATE, track=4))
    assert message == f"{path}: has no audio track 4; choose one from 1 to 3"
