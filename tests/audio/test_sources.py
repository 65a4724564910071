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

from beattrack.audio import ffmpeg, load, read_blocks, sources
from beattrack.audio.base import display_name
from tests.audio_cases import RATE, expected, make_text, one_line_error, posix_only, write

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


# --- what cannot be opened ---------------------------------------------------------------------------------


@pytest.fixture
def without_ffmpeg(monkeypatch) -> None:
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: None)


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


# --- names -------------------------------------------------------------------------------------------------


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


# --- pipes and file objects --------------------------------------------------------------------------------


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


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_the_bytes_of_a_file(tmp_path, stereo, kind, format):
    path = write(tmp_path / "music", stereo, 44100, format=format)
    np.testing.assert_array_equal(
        load(kind(path.read_bytes()), sample_rate=RATE), load(path, sample_rate=RATE)
    )


@pytest.mark.parametrize("data", [b"no\0audio", b"x" * 5000, bytearray(b"text"), bytearray()])
def test_bytes_without_audio_are_one_short_sentence(data):
    message = one_line_error(lambda: load(data, sample_rate=RATE))
    assert message.startswith("bytes: ")
    assert len(message) < 200


def test_short_bytes_are_a_name():
    assert one_line_error(lambda: load(b"none.wav", sample_rate=RATE)) == "none.wav: does not exist"


def test_the_path_of_a_source(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100)
    assert (
        sources.file_name(path) == sources.file_name(str(path)) == sources.file_name(bytes(path)) == str(path)
    )
    for source in ("-", b"RIFF\0", bytearray(b"x"), io.BytesIO(), stereo):
        assert sources.file_name(source) is None
    with soundfile.SoundFile(path) as sound:
        assert sources.file_name(sound) == str(path)
    with path.open("rb") as file, soundfile.SoundFile(file) as sound:
        assert sources.file_name(sound) is None


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
    monkeypatch.setattr(sources, "PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is a pipe" in one_line_error(lambda: load(tmp_path / "pipe", sample_rate=RATE))
