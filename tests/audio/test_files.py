from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from beattrack.audio import files as audio_files
from beattrack.audio import load, read_blocks
from beattrack.audio.files import display_name
from tests.audio_cases import RATE, expected, lag, load_warned, make_text, one_line_error, posix_only, write
from tests.synth import click_clip

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


# --- formats ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF", "AU", "CAF", "W64", "RF64", "NIST"])
def test_lossless_formats_give_the_same_samples(tmp_path, stereo, kind):
    rounded = np.round(stereo * 32768).clip(-32768, 32767) / 32768
    path = write(tmp_path / "music", rounded, 44100, format=kind, subtype="PCM_16")
    np.testing.assert_array_equal(load(path, sample_rate=RATE), expected(rounded.astype(np.float32), 44100))


@pytest.mark.parametrize(
    ("kind", "subtype", "tolerance"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_24", 2**-22),
        ("WAV", "PCM_32", 2**-23),
        ("WAV", "FLOAT", 2**-23),
        ("WAV", "DOUBLE", 2**-23),
        ("WAV", "ULAW", 0.02),
        ("FLAC", "PCM_24", 2**-22),
        ("AIFF", "PCM_S8", 2**-7),
    ],
)
def test_widths_differ_by_their_rounding_only(tmp_path, stereo, kind, subtype, tolerance):
    path = write(tmp_path / "music", stereo, 44100, format=kind, subtype=subtype)
    # Resampling rings: twice the rounding error can come out.
    np.testing.assert_allclose(load(path, sample_rate=RATE), expected(stereo, 44100), atol=2 * tolerance)


@pytest.mark.parametrize(
    ("kind", "subtype", "rate"),
    [("MP3", "MPEG_LAYER_III", 44100), ("OGG", "VORBIS", 44100), ("OGG", "OPUS", 48000)],
)
def test_lossy_formats_line_up_with_the_original(tmp_path, kind, subtype, rate):
    times = np.arange(0.5, 6, 0.5)
    clicks = click_clip(times, duration=6, sample_rate=rate)
    path = write(tmp_path / "music", np.stack([clicks, clicks], axis=1), rate, format=kind, subtype=subtype)
    original, decoded = expected(clicks, rate), load(path, sample_rate=RATE)
    assert len(decoded) == len(original)
    assert abs(lag(decoded, original)) <= 1  # 0.05 ms
    assert np.corrcoef(decoded, original)[0, 1] > 0.98


def test_an_mp3_without_delay_tag_is_late_by_what_every_player_makes_it(tmp_path):
    clicks = click_clip(np.arange(0.5, 6, 0.5), duration=6, sample_rate=44100)
    data = write(tmp_path / "music", clicks, 44100, format="MP3").read_bytes()
    tagged = b"Xing" in data[:400]
    second_frame = data.index(data[:2], 100)
    (tmp_path / "untagged").write_bytes(data[second_frame:])
    samples = load(tmp_path / "untagged", sample_rate=RATE)  # warns of nothing, though its length is a guess
    assert tagged
    assert 0.024 < lag(samples, expected(clicks, 44100)) / RATE < 0.026


def test_mp3_pieces_equal_the_whole(tmp_path, stereo):
    path = write(tmp_path / "music.mp3", np.tile(stereo, (8, 1)), 44100, format="MP3")
    whole, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(load(path, sample_rate=RATE), expected(whole, rate))


def test_an_mp3_after_a_large_picture_is_found(tmp_path, stereo):
    data = write(tmp_path / "music", stereo, 44100, format="MP3").read_bytes()
    size = 300_000
    header = b"ID3\x03\x00\x00" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    (tmp_path / "tagged.mp3").write_bytes(header + bytes(size) + data)
    np.testing.assert_array_equal(
        load(tmp_path / "tagged.mp3", sample_rate=RATE), load(tmp_path / "music", sample_rate=RATE)
    )


@pytest.mark.parametrize("suffix", [".au", ".mp3", ".raw", ".vox", ".txt", ""])
def test_the_content_decides_not_the_suffix(tmp_path, stereo, suffix):
    path = write(tmp_path / "music.wav", stereo, 44100)
    renamed = path.rename(tmp_path / f"other{suffix}")
    np.testing.assert_allclose(load(renamed, sample_rate=RATE), expected(stereo, 44100), atol=1e-4)


# --- damaged files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "AIFF", "AU"])
def test_a_file_that_ends_early_is_used_with_a_warning(tmp_path, stereo, kind):
    music = np.tile(stereo, (3, 1))
    whole = write(tmp_path / "whole", music, 44100, format=kind)
    data = whole.read_bytes()
    (tmp_path / "part").write_bytes(data[: len(data) // 2 + 1])
    part = load_warned(
        tmp_path / "part", "part: is damaged or ends early, only [0-9.]+ s of it could be used"
    )
    full = load(whole, sample_rate=RATE)
    assert len(part) > 0.3 * len(full)
    common = len(part) - 2000  # the resampler and the MP3 decoder see ahead
    np.testing.assert_allclose(part[:common], full[:common], atol=1e-6)


def test_an_ogg_that_ends_early_is_used(tmp_path, stereo):
    data = write(tmp_path / "whole", np.tile(stereo, (3, 1)), 44100, format="OGG").read_bytes()
    (tmp_path / "part").write_bytes(data[: len(data) // 2])
    assert len(load(tmp_path / "part", sample_rate=RATE)) > RATE


@pytest.mark.parametrize("kind", ["FLAC", "MP3"])
def test_rubbish_in_the_middle_ends_the_music_there(tmp_path, stereo, kind):
    data = bytearray(write(tmp_path / "whole", np.tile(stereo, (3, 1)), 44100, format=kind).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    (tmp_path / "damaged").write_bytes(data)
    samples = load_warned(tmp_path / "damaged", "damaged or ends early")
    assert RATE < len(samples) < 9 * RATE


def test_a_stream_without_its_length_is_whole(tmp_path, stereo):
    wav = bytearray(write(tmp_path / "wav", stereo, 44100, format="WAV").read_bytes())
    at = wav.index(b"data") + 4
    wav[4:8] = wav[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "wav").write_bytes(wav)
    flac = bytearray(write(tmp_path / "flac", stereo, 44100, format="FLAC").read_bytes())
    flac[21] &= 0xF0  # the last 36 bits before the checksum count the samples; 0 means unknown
    flac[22:26] = bytes(4)
    (tmp_path / "flac").write_bytes(flac)
    for name in ("wav", "flac"):
        np.testing.assert_allclose(
            load(tmp_path / name, sample_rate=RATE), expected(stereo, 44100), atol=1e-4
        )


# --- what cannot be opened ----------------------------------------------------------------------------------


@pytest.fixture
def without_ffmpeg(monkeypatch) -> None:
    monkeypatch.setattr(audio_files.shutil, "which", lambda name: None)


def make_missing(folder: Path) -> Path:
    return folder / "none.wav"


def make_folder(folder: Path) -> Path:
    (folder / "folder.wav").mkdir()
    return folder / "folder.wav"


def make_empty(folder: Path) -> Path:
    (folder / "empty.wav").touch()
    return folder / "empty.wav"


def make_header(folder: Path) -> Path:
    data = write(folder / "whole.flac", np.zeros(5000, np.float32), 44100).read_bytes()
    (folder / "header.flac").write_bytes(data[:30])
    return folder / "header.flac"


def make_zeros(folder: Path) -> Path:
    (folder / "zeros.mp3").write_bytes(bytes(20_000))
    return folder / "zeros.mp3"


def make_broken_link(folder: Path) -> Path:
    (folder / "link.wav").symlink_to(folder / "gone.wav")
    return folder / "link.wav"


def make_link_loop(folder: Path) -> Path:
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    return folder / "loop.wav"


def make_nested_in_file(folder: Path) -> Path:
    (folder / "file").write_text("x")
    return folder / "file" / "music.wav"


def make_long_name(folder: Path) -> Path:
    return folder / ("long" * 100)


def make_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket"))  # the full path may be too long for a socket
    return folder / "socket"


@posix_only
@pytest.mark.usefixtures("without_ffmpeg")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_missing, "does not exist"),
        (make_folder, "is a folder"),
        (make_empty, "is empty"),
        (make_text, "install ffmpeg"),
        (make_header, "damaged"),
        (make_zeros, "install ffmpeg"),
        (make_broken_link, "link to a file that does not exist"),
        (make_link_loop, "cannot be opened"),
        (make_nested_in_file, "cannot be opened"),
        (make_long_name, "cannot be opened"),
        (make_socket, "is not a regular file"),
        (lambda folder: Path("/dev/null"), "is not a regular file"),
    ],
)
def test_what_is_no_audio_file_is_named(tmp_path, monkeypatch, make, says):
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path)
    message = one_line_error(lambda: load(path, sample_rate=RATE))
    assert message.startswith(f"{path}: ")
    assert says in message


def test_what_is_no_name_at_all():
    assert "null" in one_line_error(lambda: load("a\0b.wav", sample_rate=RATE))
    for source in (None, 5, ["a.wav"]):
        one_line_error(lambda source=source: load(source, sample_rate=RATE))


@posix_only
def test_a_file_that_may_not_be_read(tmp_path, stereo):
    path = write(tmp_path / "secret.wav", stereo, 44100)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "secret.wav: cannot be opened (permission denied)" in one_line_error(
        lambda: load(path, sample_rate=RATE)
    )


@posix_only
def test_a_file_that_may_not_be_read_even_for_root(tmp_path, stereo, monkeypatch):
    path = write(tmp_path / "secret.wav", stereo, 44100)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    message = one_line_error(lambda: load(path, sample_rate=RATE))
    assert message == f"{path}: cannot be opened (permission denied)"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's list of open files")
@pytest.mark.usefixtures("without_ffmpeg")
def test_no_file_stays_open(tmp_path, stereo):
    music, text = write(tmp_path / "music.wav", stereo, 44100), make_text(tmp_path)
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        load(music, sample_rate=RATE)
        one_line_error(lambda: load(text, sample_rate=RATE))
        blocks = read_blocks(music, sample_rate=RATE, block_seconds=0.1)
        next(blocks)
        blocks.close()
    assert len(os.listdir("/proc/self/fd")) == len(before)


# --- names --------------------------------------------------------------------------------------------------


NAMES = [
    "two words.wav",
    "-leading",
    "new\nline.wav",
    "☕️ καφές.wav",
    "http:x",
    "%d.wav",
    "a'b\"c.wav",
    "*.wav",
]


@posix_only
@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"caf\xe9.wav")], ids=ascii)
def test_any_file_name(tmp_path, monkeypatch, stereo, name):
    monkeypatch.chdir(tmp_path)
    one_line_error(lambda: load(name, sample_rate=RATE))
    try:
        write(tmp_path / name, stereo, 44100, format="WAV")
    except OSError:
        pytest.skip("the file system refuses this name")
    for path in (name, Path(name), os.fsencode(name)):
        np.testing.assert_allclose(load(path, sample_rate=RATE), expected(stereo, 44100), atol=1e-4)


def test_names_are_shown_on_one_line():
    assert display_name("a b☕.wav") == "a b☕.wav"
    assert display_name("a\nb\x1b[0m\tc") == r"a\nb\x1b[0m\tc"
    assert display_name(b"caf\xe9.wav") == r"caf\udce9.wav"


# --- pipes and file objects ---------------------------------------------------------------------------------


def test_standard_input(tmp_path, stereo):
    path = write(tmp_path / "music.flac", stereo, 44100)
    program = "from beattrack.audio import load; print(repr(float(abs(load('-', sample_rate=22050)).sum())))"
    command = [sys.executable, "-c", program]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True, cwd=root)
    assert float(done.stdout) == float(abs(load(path, sample_rate=RATE)).sum())


def test_standard_input_without_audio(monkeypatch):
    for data, says in ((b"", "standard input: is empty"), (b"no music", "standard input: ")):
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data)))
        assert says in one_line_error(lambda: load("-", sample_rate=RATE))
    monkeypatch.setattr(sys, "stdin", None)
    assert "closed" in one_line_error(lambda: load("-", sample_rate=RATE))


class Unseekable(io.RawIOBase):
    """Gives its bytes a few at a time."""

    def __init__(self, data: bytes) -> None:
        self.rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.rest.readinto(memoryview(buffer)[:1000])


def test_file_objects(tmp_path, stereo):
    path = write(tmp_path / "music.ogg", stereo, 44100)
    whole, data = load(path, sample_rate=RATE), path.read_bytes()
    after_header = io.BytesIO(b"header" + data)
    after_header.seek(6)
    with path.open("rb") as file:
        for source in (io.BytesIO(data), after_header, Unseekable(data), file):
            np.testing.assert_array_equal(load(source, sample_rate=RATE), whole)


def test_file_objects_without_audio(tmp_path):
    closed = io.BytesIO(b"x")
    closed.close()
    for source, says in (
        (io.BytesIO(), "file object: is empty"),
        (io.StringIO("text"), "file object: must be opened in binary mode"),
        (closed, "file object: cannot be read"),
    ):
        assert says in one_line_error(lambda source=source: load(source, sample_rate=RATE))


def test_temporary_files_are_removed(tmp_path, monkeypatch, stereo):
    data = write(tmp_path / "music.wav", stereo, 44100).read_bytes()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    load(io.BytesIO(data), sample_rate=RATE)
    blocks = read_blocks(io.BytesIO(data), sample_rate=RATE, block_seconds=0.1)
    next(blocks)
    assert list(temporary.iterdir())
    blocks.close()
    assert not list(temporary.iterdir())


@posix_only
def test_a_named_pipe(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    samples = load(pipe, sample_rate=RATE)
    writer.join()
    np.testing.assert_array_equal(samples, load(path, sample_rate=RATE))


@posix_only
def test_a_pipe_that_nothing_writes_to(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_files, "PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is a pipe" in one_line_error(lambda: load(tmp_path / "pipe", sample_rate=RATE))
