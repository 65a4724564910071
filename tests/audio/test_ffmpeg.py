from __future__ import annotations

import json
import os
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beattrack.audio import load, read_blocks
from tests.audio_cases import (
    RATE,
    expected,
    lag,
    lateness,
    load_warned,
    make_text,
    needs_ffmpeg,
    one_line_error,
    posix_only,
    run_ffmpeg,
    write,
)
from tests.synth import click_clip

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


# --- ffmpeg, a script in its place --------------------------------------------------------------------------


@pytest.fixture
def fake_ffmpeg(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Puts a program named ffmpeg on PATH that gives prepared bytes, then a complaint and an exit code."""

    def make(output: bytes, complaint: str = "", code: int = 0, *, linger: float = 0) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "output").write_bytes(output)
        script = f"""#!{sys.executable}
import os, sys, time
open({str(folder / "arguments")!r}, "w").write("\\n".join(sys.argv[1:]))
open({str(folder / "process")!r}, "w").write(str(os.getpid()))
sys.stdout.buffer.write(open({str(folder / "output")!r}, "rb").read())
sys.stdout.flush()
sys.stderr.write({complaint!r})
time.sleep({linger})
sys.exit({code})
"""
        (folder / "ffmpeg").write_text(script)
        (folder / "ffmpeg").chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", str(folder))
        return folder

    return make


def au(samples: np.ndarray, rate: int) -> bytes:
    header = struct.pack(">4s5I", b".snd", 32, 0xFFFFFFFF, 6, rate, samples.shape[1])
    return header + bytes(8) + samples.astype(">f4").tobytes()


def unknown_file(folder: Path) -> Path:
    path = folder / "-music.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A rest")
    return path


@posix_only
def test_ffmpeg_decodes_what_libsndfile_cannot(tmp_path, stereo, fake_ffmpeg):
    folder = fake_ffmpeg(au(stereo, 44100))
    path = unknown_file(tmp_path)
    np.testing.assert_array_equal(load(path, sample_rate=RATE), expected(stereo, 44100))
    arguments = (folder / "arguments").read_text().splitlines()
    assert arguments[arguments.index("-i") + 1] == f"file:{path}"
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"


@posix_only
@pytest.mark.parametrize(
    ("complaint", "says"),
    [
        (
            "file:x.m4a: Invalid data found when processing input\n",
            "(invalid data found when processing input)",
        ),
        ("Stream map '0:a:0' matches no streams.\nTo ignore this, add a trailing '?'.\n", "holds no audio"),
        ("", "no reason given"),
    ],
)
def test_ffmpeg_fails(tmp_path, fake_ffmpeg, complaint, says):
    fake_ffmpeg(b"", complaint, 1)
    message = one_line_error(lambda: load(unknown_file(tmp_path), sample_rate=RATE))
    assert "-music.m4a: neither libsndfile nor ffmpeg can read it" in message
    assert says in message


@posix_only
@pytest.mark.parametrize(("complaint", "code"), [("", 1), ("partial file\n", 0)])
def test_ffmpeg_fails_midway(tmp_path, stereo, fake_ffmpeg, complaint, code):
    fake_ffmpeg(au(stereo, 44100), complaint, code)
    samples = load_warned(unknown_file(tmp_path), "only 3.0 s of it could be used")
    np.testing.assert_array_equal(samples, expected(stereo, 44100))


@posix_only
def test_ffmpeg_alone_chooses_the_track_or_is_told_it(tmp_path, stereo, fake_ffmpeg):
    folder = fake_ffmpeg(au(stereo, 44100))
    load(unknown_file(tmp_path), sample_rate=RATE)
    assert "-map" not in (folder / "arguments").read_text().splitlines()
    load(unknown_file(tmp_path), sample_rate=RATE, track=3)
    assert "-map\n0:a:2\n" in (folder / "arguments").read_text()


@posix_only
def test_ffmpeg_alone_has_no_such_track(tmp_path, fake_ffmpeg):
    fake_ffmpeg(b"", "Stream map '0:a:2' matches no streams.\nTo ignore this, add a trailing '?'.\n", 1)
    message = one_line_error(lambda: load(unknown_file(tmp_path), sample_rate=RATE, track=3))
    assert message.endswith("-music.m4a: has no audio track 3")


def describe(*streams: dict[str, object], **file: object) -> str:
    return json.dumps({"streams": streams, "format": file})


AAC = {"codec_type": "audio", "codec_name": "aac", "sample_rate": "44100", "channel_layout": "stereo"}
PICTURE = {"codec_type": "video", "codec_name": "h264", "start_time": "0.000000"}


@pytest.fixture
def fake_both(fake_ffmpeg) -> Callable[..., Path]:
    """Puts an ffprobe beside the ffmpeg."""

    def make(output: bytes, told: str, complaint: str = "") -> Path:
        folder = fake_ffmpeg(output, complaint)
        (folder / "ffprobe").write_text(f"#!{sys.executable}\nprint({told!r})\n")
        (folder / "ffprobe").chmod(stat.S_IRWXU)
        return folder

    return make


@posix_only
@pytest.mark.parametrize(
    ("told", "late"),
    [
        (describe(PICTURE, AAC | {"start_time": "0.500000"}, start_time="0.000000"), 0.5),
        (describe(PICTURE, AAC | {"start_time": "-0.021000"}, start_time="-0.021000"), 0),
        (describe(PICTURE, AAC | {"start_time": "0.003000"}, start_time="0.000000"), 0),
        (describe(AAC | {"start_time": "5.000000"}, start_time="5.000000"), 0),
        (describe(AAC | {"start_time": "0.025057"}, PICTURE | {"disposition": {"attached_pic": 1}}), 0),
        (describe(PICTURE | {"start_time": "1.400000"}, AAC | {"start_time": "1.600000"}), 0.2),
        (describe(PICTURE | {"start_time": "1.400000"}, AAC), 0),
        (describe(PICTURE, AAC | {"start_time": "99999.0"}), 0),  # damaged
        (describe(PICTURE, AAC | {"start_time": "soon"}), 0),
        (describe(AAC), 0),
        ("[1, 2]", 0),
        ("no JSON", 0),
        ("{}", 0),
    ],
)
def test_silence_in_front_of_a_late_track(tmp_path, stereo, fake_both, told, late):
    fake_both(au(stereo, 44100), told)
    padded = np.concatenate([np.zeros((round(late * 44100), 2), np.float32), stereo])
    np.testing.assert_array_equal(load(unknown_file(tmp_path), sample_rate=RATE), expected(padded, 44100))


@posix_only
def test_the_delay_of_a_format_is_left_out_of_sound_but_not_of_films(tmp_path, stereo, fake_both):
    sound = AAC | {"codec_name": "ac3"}
    folder = fake_both(au(stereo, 44100), describe(sound))
    path = unknown_file(tmp_path)
    np.testing.assert_array_equal(load(path, sample_rate=RATE), expected(stereo[256:], 44100))
    (folder / "ffprobe").write_text(f"#!{sys.executable}\nprint({describe(PICTURE, sound)!r})\n")
    np.testing.assert_array_equal(load(path, sample_rate=RATE), expected(stereo, 44100))


@posix_only
def test_what_is_wrong_with_the_picture_is_no_damage(tmp_path, stereo, fake_both):
    fake_both(au(stereo, 44100), describe(PICTURE, AAC), "[h264 @ 0x55d0] non-existing PPS 0 referenced\n")
    np.testing.assert_array_equal(load(unknown_file(tmp_path), sample_rate=RATE), expected(stereo, 44100))


@posix_only
@pytest.mark.parametrize(
    ("duration", "says"), [("3.0", "is damaged in places; 3.0 s"), ("4.0", "only 3.0 s")]
)
def test_damage_inside_and_at_the_end(tmp_path, stereo, fake_both, duration, says):
    told = describe(AAC | {"duration": duration}, duration="60")
    fake_both(au(stereo, 44100), told, "[aac @ 0x55d0] Prediction is not allowed in AAC-LC.\n")
    load_warned(unknown_file(tmp_path), says)


@posix_only
def test_a_file_without_sound(tmp_path, fake_both):
    fake_both(b"", describe(PICTURE))
    message = one_line_error(lambda: load(unknown_file(tmp_path), sample_rate=RATE))
    assert "it holds no audio" in message


@posix_only
def test_ffmpeg_fails_before_the_first_sample(tmp_path, stereo, fake_ffmpeg):
    fake_ffmpeg(au(stereo[:0], 44100), "x: Decoding error\n", 1)
    message = one_line_error(lambda: load(unknown_file(tmp_path), sample_rate=RATE))
    assert "nothing of it could be decoded (decoding error)" in message


@posix_only
def test_ffmpeg_is_stopped_with_the_blocks(tmp_path, stereo, fake_ffmpeg):
    folder = fake_ffmpeg(au(stereo, 44100), linger=20)
    blocks = read_blocks(unknown_file(tmp_path), sample_rate=RATE, block_seconds=0.1)
    next(blocks)
    start = time.monotonic()
    blocks.close()
    assert time.monotonic() - start < 15  # it was not waited for
    process = int((folder / "process").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@posix_only
def test_ffmpeg_that_cannot_be_run(tmp_path, fake_ffmpeg):
    folder = fake_ffmpeg(b"")
    (folder / "ffmpeg").write_text("#!/no/such/interpreter\n")
    assert "cannot be run" in one_line_error(lambda: load(unknown_file(tmp_path), sample_rate=RATE))


# --- ffmpeg itself ------------------------------------------------------------------------------------------


@needs_ffmpeg
@pytest.mark.parametrize("name", ["clip.mp4", "clip.wma", "clip.mkv", "-clip.m4a", "http:clip.m4a"])
def test_real_ffmpeg(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    clicks = click_clip(np.arange(0.5, 6, 0.5), duration=6, sample_rate=44100)
    source = write(tmp_path / "clip.wav", np.stack([clicks, clicks], axis=1), 44100)
    video = (
        ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=6"] if name.endswith(("mp4", "mkv")) else []
    )
    run_ffmpeg("-i", source, *video, f"file:{name}")
    samples = load(name, sample_rate=RATE)
    assert len(samples) == pytest.approx(6 * RATE, abs=0.1 * RATE)
    # The timestamps of WMA are milliseconds.
    assert abs(lag(samples, expected(clicks, 44100))) <= (RATE // 1000 if name.endswith("wma") else 1)


@needs_ffmpeg
def test_real_ffmpeg_keeps_many_channels(tmp_path):
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal((44100, 6))).astype(np.float32)
    source = write(tmp_path / "clip.wav", samples, 44100, subtype="FLOAT")
    run_ffmpeg("-i", source, "-c:a", "pcm_f32le", tmp_path / "clip.mka")
    np.testing.assert_allclose(
        load(tmp_path / "clip.mka", sample_rate=RATE), expected(samples, 44100), atol=1e-6
    )


@needs_ffmpeg
def test_real_ffmpeg_on_what_is_no_audio(tmp_path):
    assert "neither libsndfile nor ffmpeg" in one_line_error(
        lambda: load(make_text(tmp_path), sample_rate=RATE)
    )
    silent = tmp_path / "silent.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", silent)
    assert "it holds no audio" in one_line_error(lambda: load(silent, sample_rate=RATE))


@needs_ffmpeg
def test_real_ffmpeg_stays_off_the_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        port = server.getsockname()[1]
        playlist = tmp_path / "song.m3u8"
        playlist.write_text(f"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:{port}/song.ts\n#EXT-X-ENDLIST\n")
        one_line_error(lambda: load(playlist, sample_rate=RATE))
        with pytest.raises(TimeoutError):
            server.accept()


@needs_ffmpeg
def test_real_ffmpeg_on_a_file_that_ends_early(tmp_path, stereo):
    source = write(tmp_path / "clip.wav", np.tile(stereo, (3, 1)), 44100)
    whole = tmp_path / "whole.m4a"
    run_ffmpeg("-i", source, "-movflags", "+faststart", whole)
    data = whole.read_bytes()
    (tmp_path / "part.m4a").write_bytes(data[: len(data) // 2])
    samples = load_warned(tmp_path / "part.m4a", "part.m4a: is damaged or ends early")
    assert 3 * RATE < len(samples) < 6 * RATE


# --- encoders -----------------------------------------------------------------------------------------------


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "codec", "samples", "tolerance"),
    [
        ("clip.m4a", "aac", 0, 1),
        ("clip.m4a", "alac", 0, 0),
        ("clip.mp4", "libmp3lame", 0, 1),
        ("clip.mp3", "libmp3lame", 0, 0),
        ("clip.opus", "libopus", 0, 1),
        ("clip.ogg", "libvorbis", 0, 1),
        ("clip.webm", "libopus", 0, 1),
        ("clip.webm", "libvorbis", 0, 150),
        ("clip.mka", "flac", 0, 0),
        ("clip.wma", "wmav2", 0, 44),
        ("clip.wma", "wmav1", 0, 44),
        ("clip.ac3", "ac3", 0, 1),
        ("clip.eac3", "eac3", 0, 1),
        ("clip.dts", "dca", 0, 1),
        ("clip.mp2", "mp2", 0, 1),
        ("clip.aac", "aac", 1024, 1),  # not stated anywhere
        ("clip.mka", "aac", 1024, 1),
    ],
)
def test_what_encoders_add(tmp_path, click_file, name, codec, samples, tolerance):
    try:
        run_ffmpeg("-i", click_file, "-c:a", codec, "-strict", "-2", tmp_path / name)
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg has no {codec}")
    assert abs(lateness(tmp_path / name, click_file) - samples) <= tolerance


@needs_ffmpeg
@pytest.mark.parametrize(("rate", "codec"), [(8000, "wmav2"), (22050, "wmav2"), (32000, "wmav1")])
def test_wma_at_every_rate(tmp_path, rate, codec):
    clicks = click_clip(np.arange(0.5, 6, 0.5), duration=6, sample_rate=rate)
    source = write(tmp_path / "clicks.wav", clicks, rate)
    run_ffmpeg("-i", source, "-c:a", codec, tmp_path / "clicks.wma")
    assert abs(lateness(tmp_path / "clicks.wma", source)) <= 90  # 2 ms


@needs_ffmpeg
def test_the_delay_that_itunes_states_in_an_m4a(tmp_path, click_file):
    run_ffmpeg("-i", click_file, "-c:a", "aac", "-use_editlist", "0", tmp_path / "plain.m4a")
    data = (tmp_path / "plain.m4a").read_bytes()
    assert lateness(tmp_path / "plain.m4a", click_file) == 1024
    value = b" 00000000 00000400 00000240 0000000000040998 00000000 00000000 00000000 00000000"

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    entry = box(
        b"----",
        box(b"mean", bytes(4) + b"com.apple.iTunes")
        + box(b"name", bytes(4) + b"iTunSMPB")
        + box(b"data", struct.pack(">II", 1, 0) + value),
    )
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    addition = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", entry)))
    moov = data.rindex(b"moov") - 4  # behind the samples, so that no offset changes
    (size,) = struct.unpack_from(">I", data, moov)
    assert moov + size == len(data)
    before = data[moov + 8 :]
    if (old := before.rfind(b"udta")) >= 0:
        before = before[: old - 4]
    (tmp_path / "itunes.m4a").write_bytes(data[:moov] + box(b"moov", before + addition))
    assert abs(lateness(tmp_path / "itunes.m4a", click_file)) <= 1
