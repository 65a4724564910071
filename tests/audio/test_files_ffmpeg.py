from __future__ import annotations

import os
import shutil
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
from tests.audio_cases import RATE, expected, lag, load_warned, make_text, one_line_error, posix_only, write
from tests.synth import click_clip

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg on PATH")
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


def run_ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *map(str, arguments)], check=True)


@needs_ffmpeg
@pytest.mark.parametrize(
    "name", ["clip.m4a", "clip.mp4", "clip.wma", "clip.mkv", "-clip.m4a", "http:clip.m4a"]
)
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
    # ffmpeg's own WMA encoder does not state its delay of 2048 samples.
    assert abs(lag(samples, expected(clicks, 44100))) <= (1100 if name.endswith("wma") else 1)


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
