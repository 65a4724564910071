from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.audio import AudioWarning
from beattrack.errors import AudioError, SettingsError
from beattrack.live.pcm import RawFormat, piped
from beattrack.live.source import LiveSource
from tests.audio_cases import needs_ffmpeg
from tests.streaming_cases import noise

UNKNOWN = 0xFFFFFFFF


class Dribble:
    """A pipe that hands out a few bytes at a time."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._file, self._sizes = io.BytesIO(data), sizes
        self._turn = 0

    def read1(self, size: int) -> bytes:
        self._turn += 1
        return self._file.read(min(size, self._sizes[self._turn % len(self._sizes)]))


def wav(samples: np.ndarray, subtype: str = "PCM_16", rate: int = 44100, format: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


def header(
    data_bytes: int,
    *,
    channels: int = 2,
    rate: int = 44100,
    bits: int = 16,
    coding: int = 1,
    extra: bytes = b"",
) -> bytes:
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", coding, channels, rate, rate * frame, frame, bits)
    body = b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra
    return b"RIFF" + struct.pack("<I", UNKNOWN) + b"WAVE" + body + b"data" + struct.pack("<I", data_bytes)


def samples_of(source: LiveSource) -> np.ndarray:
    return np.concatenate([chunk.copy() for chunk in source.chunks])


def error(data: bytes, raw: RawFormat | None = None) -> str:
    with pytest.raises(AudioError, match=r"^stdin: ") as told:
        samples_of(piped(io.BytesIO(data), "stdin", raw))
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_kind_of_wav_is_read_as_libsndfile_reads_it(subtype: str, format: str, channels: int) -> None:
    data = wav(noise(0.05, channels=channels), subtype, format=format)
    source = piped(io.BytesIO(data), "stdin")
    assert (source.sample_rate, source.channels) == (44100, channels)
    found = samples_of(source)
    scale = {"u": 128.0, "i": 2.0 ** (8 * found.dtype.itemsize - 1), "f": 1.0}[found.dtype.kind]
    expected, _ = soundfile.read(io.BytesIO(data), always_2d=True)
    np.testing.assert_allclose((found.astype(float) - 128 * (scale == 128)) / scale, expected, atol=1e-7)


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    tail=st.sampled_from([b"", b"LIST\4\0\0\0abcd"]),
)
@settings(max_examples=30, deadline=None)
def test_however_the_bytes_come(sizes: list[int], tail: bytes) -> None:
    data = wav(noise(0.01, channels=2))
    whole = samples_of(piped(io.BytesIO(data), "stdin"))
    pipe = Dribble(data + tail, sizes)
    np.testing.assert_array_equal(samples_of(piped(pipe, "stdin")), whole)
    assert pipe.read1(1) == b""  # what follows was read too, so that the writer does not fail


@pytest.mark.parametrize("length", [0, UNKNOWN, 0x7FFFFFFF, 0x7FFF0000])
def test_an_unknown_length_is_read_to_the_end(length: int) -> None:
    samples = np.arange(2000, dtype="<i2").reshape(-1, 2)
    extra = b"LIST\3\0\0\0abc\0"  # of odd length, padded
    found = samples_of(piped(io.BytesIO(header(length, extra=extra) + samples.tobytes()), "stdin"))
    np.testing.assert_array_equal(found, samples)


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_f32le"])
def test_what_ffmpeg_writes_to_a_pipe(tmp_path: Path, codec: str) -> None:
    samples = noise(0.2, channels=2)
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.wav"), "-c:a", codec, "-f", "wav", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert struct.pack("<I", UNKNOWN) in data[:100]
    found = samples_of(piped(io.BytesIO(data), "stdin"))
    scale = 1 if found.dtype.kind == "f" else 2.0 ** (8 * found.dtype.itemsize - 1)
    np.testing.assert_allclose(found / scale, samples, atol=1e-4)


@pytest.mark.parametrize("sample_format", ["s16le", "f32le"])
def test_raw_pcm(sample_format: str) -> None:
    samples = np.arange(300).reshape(-1, 3).astype("<i2" if sample_format == "s16le" else "<f4")
    raw = RawFormat(sample_rate=8000, channels=3, sample_format=sample_format)  # type: ignore[arg-type]
    source = piped(Dribble(samples.tobytes(), [5, 1, 7]), "stdin", raw)
    assert (source.sample_rate, source.channels) == (8000, 3)
    np.testing.assert_array_equal(samples_of(source), samples)


def test_a_stream_that_ends_within_a_frame_is_used_up_to_there() -> None:
    raw = RawFormat(sample_rate=8000, channels=2)
    chunks = piped(io.BytesIO(bytes(4 * 10 + 3)), "stdin", raw).chunks
    assert sum(len(chunk) for chunk in (next(chunks), next(chunks))) == 10
    with pytest.raises(AudioError, match=r"stdin: ends within a frame, after 3 of 4 bytes; check the number"):
        next(chunks)


def test_a_wav_that_ends_early_is_warned_of() -> None:
    source = piped(io.BytesIO(header(4 * 44100) + bytes(4 * 22050)), "stdin")
    with pytest.warns(AudioWarning, match=r"stdin: is damaged or ends early; only 0\.5 s"):
        assert len(samples_of(source)) == 22050


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty (0 bytes)"),
        (header(UNKNOWN), "holds no samples"),
        (header(UNKNOWN)[:30], "ends within the header"),
        (b"RIFF\xff\xff\xff\xffWAVE", "ends within the header"),
        (b"fLaC" + bytes(100), "is FLAC, which cannot be streamed; convert it with `ffmpeg"),
        (b"ID3\4" + bytes(100), "is MP3"),
        (b"OggS" + bytes(100), "is OGG"),
        (b"hello, world, this is text", "is not a WAV file; for raw PCM, give --sample-rate"),
        (b"ab", "is not a WAV file"),
        (
            header(UNKNOWN, coding=2, bits=4) + bytes(100),
            "of a coding that cannot be streamed (format 2, 4 bits)",
        ),
        (header(UNKNOWN, channels=0) + bytes(100), "states 0 channels"),
        (header(UNKNOWN, channels=100) + bytes(100), "states 100 channels"),
        (header(UNKNOWN, rate=3) + bytes(100), "the sample rate must be 1000 to 768000 Hz, not 3"),
        (b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff" + bytes(99), "does not describe its samples"),
        (b"RIFF\xff\xff\xff\xffWAVEabcd\xff\xff\xff\x7f" + bytes(99), "no samples were found"),
    ],
)
def test_bad_input_is_one_sentence(data: bytes, says: str) -> None:
    assert says in error(data)


def test_a_wav_is_not_raw_pcm() -> None:
    assert "leave out the options for raw PCM" in error(wav(noise(0.1)), RawFormat(sample_rate=44100))


def test_a_pipe_that_fails_is_told() -> None:
    class Broken:
        def read1(self, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(AudioError, match=r"stdin: cannot be read \(input/output error\)"):
        piped(Broken(), "stdin")


@pytest.mark.parametrize(
    "options",
    [{"sample_rate": 10}, {"sample_rate": 8000, "channels": 65}, {"sample_rate": 8000, "sample_format": "x"}],
)
def test_raw_formats_are_checked(options: dict) -> None:
    with pytest.raises(SettingsError):
        RawFormat(**options)
