from __future__ import annotations

import io
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from synth import click_clip, drum_clip

from beattrack import audio_files
from beattrack.audio import AudioWarning, from_samples, load, read_blocks
from beattrack.audio_files import display_name
from beattrack.errors import AudioError

RATE = 22050
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg on PATH")
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")


@pytest.fixture(autouse=True)
def _no_unexpected_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", AudioWarning)
        warnings.simplefilter("error", ResourceWarning)
        yield


@pytest.fixture(scope="module")
def stereo() -> np.ndarray:
    """(samples, 2) at 44.1 kHz, its left and right different."""
    left, _, _ = drum_clip(120, duration=3, sample_rate=44100)
    right, _, _ = drum_clip(90, duration=3, sample_rate=44100, seed=5)
    return np.stack([left, right], axis=1)


def write(path: Path, samples: np.ndarray, rate: int, **options: Any) -> Path:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    # In pieces: libsndfile overflows its stack when it encodes a long OGG at once.
    with soundfile.SoundFile(os.fsencode(path), "w", rate, channels, **options) as file:
        for start in range(0, len(samples), 4096):
            file.write(samples[start : start + 4096])
    return path


def expected(samples: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(samples.reshape(len(samples), -1).mean(1, dtype=np.float32), rate, RATE)


def lag(delayed: np.ndarray, original: np.ndarray) -> int:
    """By how many samples `delayed` comes later, from the peak of the cross-correlation."""
    size = 1 << (len(delayed) + len(original)).bit_length()
    spectrum = np.fft.rfft(delayed, size) * np.conj(np.fft.rfft(original, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


def one_line_error(action: Callable[[], object]) -> str:
    with pytest.raises(AudioError) as caught:
        action()
    message = str(caught.value)
    assert message
    assert message.isprintable()
    return message


def load_warned(path: object, match: str) -> np.ndarray:
    with pytest.warns(AudioWarning, match=match) as caught:
        samples = load(path, sample_rate=RATE)  # type: ignore[arg-type]
    assert len(caught) == 1
    return samples


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


# --- rates, channels, lengths -------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000])
def test_every_rate_keeps_time_and_length(tmp_path, rate):
    clip = np.zeros(2 * rate, np.float32)
    centre = rate  # one second
    width = rate // 200
    clip[centre - width : centre + width] = np.hanning(2 * width)
    path = write(tmp_path / "click.wav", clip, rate, subtype="FLOAT")
    samples = load(path, sample_rate=RATE)
    assert len(samples) == 2 * RATE
    energy = samples.astype(float) ** 2
    # The hump lies half a sample before its centre, as np.hanning is symmetric.
    assert np.sum(energy * np.arange(len(samples))) / energy.sum() / RATE == pytest.approx(
        1 - 0.5 / rate, abs=2e-5
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_are_averaged(tmp_path, channels):
    rng = np.random.default_rng(channels)
    samples = (0.2 * rng.standard_normal((5000, channels))).astype(np.float32)
    path = write(tmp_path / "music.wav", samples, RATE, subtype="FLOAT")
    np.testing.assert_allclose(load(path, sample_rate=RATE), samples.mean(1), atol=1e-6)


def test_mono_equals_the_same_music_twice(tmp_path, stereo):
    mono = write(tmp_path / "mono.wav", stereo[:, 0], 44100)
    double = write(tmp_path / "double.wav", stereo[:, [0, 0]], 44100)
    np.testing.assert_array_equal(load(mono, sample_rate=RATE), load(double, sample_rate=RATE))


@pytest.mark.parametrize("length", [0, 1, 2, 3, 100, audio_files.PIECE, audio_files.PIECE + 1])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_any_length(tmp_path, length, rate):
    clip = np.full(length, 0.25, np.float32)
    path = write(tmp_path / "clip.wav", clip, rate)
    samples = load(path, sample_rate=RATE)
    assert samples.dtype == np.float32
    assert samples.shape == (int(length * RATE / rate + 0.5),)
    np.testing.assert_array_equal(samples, from_samples(clip, source_rate=rate, sample_rate=RATE))


@pytest.mark.parametrize("block_seconds", [0.01, 0.3, 1, 100])
def test_blocks_are_the_whole(tmp_path, stereo, block_seconds):
    path = write(tmp_path / "music.wav", stereo, 44100)
    blocks = list(read_blocks(path, sample_rate=RATE, block_seconds=block_seconds))
    np.testing.assert_array_equal(np.concatenate(blocks), load(path, sample_rate=RATE))
    wanted = block_seconds * RATE
    assert all(wanted <= len(block) <= wanted + audio_files.PIECE for block in blocks[:-1])
    assert 0 < len(blocks[-1]) <= wanted + audio_files.PIECE


@pytest.mark.parametrize("rate", [1, 999, 1_000_000])
def test_rates_beyond_sense_are_refused(tmp_path, rate):
    path = write(tmp_path / "odd.wav", np.zeros(100, np.float32), rate)
    assert f"not {rate}" in one_line_error(lambda: load(path, sample_rate=RATE)).replace("1e+06", "1000000")


# --- arrays -------------------------------------------------------------------------------------------------


@given(
    samples=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 300), st.integers(1, 4)),
        elements=st.floats(-1, 1, width=32),
    ),
    rate=st.sampled_from([8000, RATE, 44100, 48000]),
)
@settings(max_examples=60, deadline=None)
def test_arrays_are_averaged_and_resampled(samples, rate):
    result = from_samples(samples, source_rate=rate, sample_rate=RATE)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, soxr.resample(samples.mean(1), rate, RATE), atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_integers_span_their_type(dtype):
    limits = np.iinfo(dtype)
    samples = np.array([limits.min, limits.min // 2, 0, limits.max // 2 + 1, limits.max], dtype)
    result = from_samples(samples, source_rate=RATE, sample_rate=RATE)
    np.testing.assert_allclose(result, [-1, -0.5, 0, 0.5, 1], atol=1 / limits.max)
    assert result[0] == -1


def test_unsigned_bytes_are_centred():
    samples = np.array([[0, 0], [128, 128], [192, 128], [255, 255]], np.uint8)
    result = from_samples(samples, source_rate=RATE, sample_rate=RATE)
    np.testing.assert_array_equal(result, [-1, 0, 0.25, 127 / 128])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_float_types_and_layouts(dtype, stereo):
    samples = np.asfortranarray(stereo[:1000]).astype(dtype)[::2]
    result = from_samples(samples, source_rate=RATE, sample_rate=RATE)
    np.testing.assert_allclose(result, samples.astype(np.float64).mean(1), atol=1e-7)


def test_lists_and_the_file_give_the_same(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100, subtype="DOUBLE")
    read = load(path, sample_rate=RATE)
    np.testing.assert_array_equal(from_samples(stereo, source_rate=44100.0, sample_rate=RATE), read)
    np.testing.assert_array_equal(from_samples([0.5, -0.5], source_rate=RATE, sample_rate=RATE), [0.5, -0.5])


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros((2, 3, 4)), RATE),
        (np.float32(1), RATE),
        (np.zeros((2, 44100)), RATE),
        (np.zeros((5, 0)), RATE),
        (np.zeros(5, np.int64), RATE),
        (np.zeros(5, bool), RATE),
        (np.zeros(5, complex), RATE),
        (["a", "b"], RATE),
        ([[1.0], [1.0, 2.0]], RATE),
        (None, RATE),
        (np.zeros(5), 0),
        (np.zeros(5), -44100),
        (np.zeros(5), float("nan")),
        (np.zeros(5), float("inf")),
    ],
)
def test_unusable_arrays_are_refused(samples, rate):
    one_line_error(lambda: from_samples(samples, source_rate=rate, sample_rate=RATE))


def test_the_array_is_left_alone(stereo):
    before = stereo.copy()
    result = from_samples(stereo[:, 0], source_rate=RATE, sample_rate=RATE)
    result[:] = 0
    np.testing.assert_array_equal(stereo, before)


# --- samples that are not numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_samples_that_are_not_finite_become_zero(tmp_path, stereo, bad):
    damaged, repaired = stereo.copy(), stereo.copy()
    damaged[100:200, 0] = bad
    damaged[50_000] = bad
    repaired[100:200, 0] = 0  # the other channel stays
    repaired[50_000] = 0
    path = write(tmp_path / "music.wav", damaged, 44100, subtype="FLOAT")
    samples = load_warned(path, "music.wav: samples that are not finite were set to 0")
    np.testing.assert_array_equal(samples, expected(repaired, 44100))
    with pytest.warns(AudioWarning, match="not finite"):
        array = from_samples(damaged.astype(np.float64), source_rate=44100, sample_rate=RATE)
    np.testing.assert_array_equal(array, samples)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 50), st.integers(1, 3)), elements=st.floats()))
@settings(max_examples=100, deadline=None)
def test_whatever_comes_in_finite_samples_come_out(samples):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        result = from_samples(samples, source_rate=44100, sample_rate=RATE)
    assert np.isfinite(result).all()


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


def make_text(folder: Path) -> Path:
    (folder / "text.au").write_text("This is no music.\n" * 100)
    return folder / "text.au"


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
    root = Path(__file__).parents[1]
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
