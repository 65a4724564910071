from __future__ import annotations

import io
import struct
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from beattrack.audio import AudioWarning, headers, load
from beattrack.audio.parts import PartReader
from tests.audio_cases import RATE, encoded, expected, load_warned, needs_ffmpeg, write

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")

UNKNOWN = 0xFFFFFFFF


def chunk(name: bytes, body: bytes, stated: int | None = None, *, pad: bool = True) -> bytes:
    size = len(body) if stated is None else stated
    return name + struct.pack("<I", size) + body + bytes(len(body) % 2 if pad else 0)


def wav(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if size is None else size) + body


FORMAT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 44100, 176400, 4, 16))


@pytest.fixture(scope="module")
def music(stereo) -> np.ndarray:
    """(samples, 2) int16 that begins with silence, as recordings do."""
    return np.concatenate([np.zeros((5000, 2), np.int16), np.round(stereo * 32767).astype(np.int16)])


def check(folder: Path, data: bytes, music: np.ndarray) -> None:
    (folder / "music").write_bytes(data)
    samples = load(folder / "music", sample_rate=RATE)
    np.testing.assert_allclose(samples, expected(music.astype(np.float32) / 32768, 44100), atol=1e-6)


@pytest.mark.parametrize("riff", [0, UNKNOWN, None])
@pytest.mark.parametrize("stated", [0, UNKNOWN, 0x7FFFFFFF, 0x80000000, 5000])
def test_a_wav_is_read_to_its_end_whatever_its_header_states(tmp_path, music, riff, stated):
    check(tmp_path, wav(FORMAT, chunk(b"data", music.tobytes(), stated), size=riff), music)


@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_24", "FLOAT", "ULAW", "MS_ADPCM"])
def test_every_coding_of_a_wav_without_size(tmp_path, music, kind):
    data = bytearray(encoded(music, 44100, format="WAV", subtype=kind))
    (tmp_path / "whole").write_bytes(data)
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = bytes(4)
    (tmp_path / "streamed").write_bytes(data)
    np.testing.assert_array_equal(
        load(tmp_path / "streamed", sample_rate=RATE), load(tmp_path / "whole", sample_rate=RATE)
    )


@pytest.mark.parametrize("sizes", [(0, 0, 0), (2**64 - 1,) * 3, (0, 12, 3)])
def test_an_rf64_without_sizes(tmp_path, music, sizes):
    sizes_chunk = chunk(b"ds64", struct.pack("<QQQI", *sizes, 0))
    data = wav(sizes_chunk, FORMAT, chunk(b"data", music.tobytes(), UNKNOWN), size=UNKNOWN, magic=b"RF64")
    check(tmp_path, data, music)


@pytest.mark.parametrize("pad", [True, False])
def test_chunks_of_odd_length(tmp_path, music, pad):
    note = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 5) + b"notes", pad=pad)
    check(tmp_path, wav(note, FORMAT, note, chunk(b"data", music.tobytes())), music)


def test_a_chunk_of_wrong_length_is_passed(tmp_path, music):
    check(tmp_path, wav(FORMAT, chunk(b"LIST", b"INFO", 1_000_000), chunk(b"data", music.tobytes())), music)


def test_what_follows_the_samples_is_no_music(tmp_path, music):
    for behind in (
        chunk(b"LIST", bytes(20_000)),
        b"TAG" + bytes(10_000),
        b"ID3\x03\x00\x00\x00\x01\x00\x00" + b"\x01" * 10_000,
        bytes(100_000),
    ):
        check(tmp_path, wav(FORMAT, chunk(b"data", music.tobytes())) + behind, music)


def test_a_wav_of_no_samples_stays_one(tmp_path):
    for behind in (b"", chunk(b"LIST", b"INFO" + bytes(20_000))):
        (tmp_path / "music").write_bytes(wav(FORMAT, chunk(b"data", b""), behind))
        assert load(tmp_path / "music", sample_rate=RATE).size == 0


def test_big_endian_wav_without_size(tmp_path, music):
    data = b"RIFX" + bytes(4) + b"WAVEfmt " + struct.pack(">IHHIIHH", 16, 1, 2, 44100, 176400, 4, 16)
    check(tmp_path, data + b"data" + bytes(4) + music.astype(">i2").tobytes(), music)


def test_joined_wavs_follow_each_other(tmp_path, music):
    one = wav(FORMAT, chunk(b"data", music.tobytes()), chunk(b"LIST", b"INFO"))
    check(tmp_path, one + one + one, np.concatenate([music] * 3))


@pytest.mark.parametrize("kind", ["AIFF", "AU", "CAF", "W64"])
@pytest.mark.parametrize("stated", [0, -1])
def test_other_formats_without_size(tmp_path, music, kind, stated):
    data = bytearray(encoded(music, 44100, format=kind, subtype="PCM_16"))
    name, offset, width = {
        "AIFF": (b"SSND", 4, 4),
        "AU": (b".snd", 8, 4),
        "CAF": (b"data", 4, 8),
        "W64": (b"data", 16, 8),
    }[kind]
    at = data.index(name) + offset
    data[at : at + width] = (stated % (1 << 8 * width)).to_bytes(width, "big")
    check(tmp_path, bytes(data), music)


def test_an_aiff_of_unknown_length_in_every_field(tmp_path, music):
    data = bytearray(encoded(music, 44100, format="AIFF", subtype="PCM_16"))
    for name, offset in ((b"FORM", 4), (b"COMM", 10), (b"SSND", 4)):
        at = data.index(name) + offset
        data[at : at + 4] = bytes(4)
    at = data.index(b"SSND") + 4
    data[at : at + 4] = struct.pack(">I", 8)
    check(tmp_path, bytes(data), music)


def test_a_file_that_was_cut_is_short(tmp_path, music):
    data = wav(FORMAT, chunk(b"data", music.tobytes()))
    (tmp_path / "part").write_bytes(data[: len(data) // 2 + 1])
    load_warned(tmp_path / "part", "part: is damaged or ends early; only 1.6 s of it could be used")


def test_correct_headers_are_left_alone(tmp_path, music):
    for kind in ("WAV", "RF64", "W64", "AIFF", "AU", "CAF"):
        data = encoded(music, 44100, format=kind, subtype="PCM_16")
        assert headers.inspect(io.BytesIO(data), len(data)) is None, kind


class Sparse(io.BytesIO):
    """A header, and behind it as many bytes as one likes, none of which is kept."""

    def __init__(self, header: bytes, size: int) -> None:
        self.header, self.size = header, size

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.position = offset
        return offset

    def read(self, count: int | None = -1, /) -> bytes:
        count = min(count or 0, self.size - self.position)
        known = self.header[self.position : self.position + count]
        return known + b"\x99" * (count - len(known))


@pytest.mark.parametrize("stated", [UNKNOWN, 0x40000000])
def test_more_than_4_gib_of_wav_become_an_rf64(stated):
    size = 5 << 30
    header = wav(FORMAT, chunk(b"data", b"", stated))
    layout = headers.inspect(Sparse(header, size), size)
    assert layout is not None
    (part,) = layout.parts
    assert part.stretches == ((44, size),)
    ds64 = part.header.index(b"ds64")
    assert part.header[:4] == b"RF64"
    assert struct.unpack_from("<QQQ", part.header, ds64 + 8)[1:] == (size - 44, (size - 44) // 4)


@needs_ffmpeg
@pytest.mark.parametrize("kind", [["wav"], ["wav", "-rf64", "always"], ["w64"], ["aiff"], ["au"]])
def test_what_ffmpeg_writes_to_a_pipe(tmp_path, music, kind):
    source = write(tmp_path / "music.wav", music, 44100)
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", source, "-f", *kind, "pipe:1"]
    check(tmp_path, subprocess.run(command, capture_output=True, check=True).stdout, music)


def test_a_chunk_of_any_length_is_survived(music):
    data = bytearray(encoded(music[:100], 44100, format="CAF", subtype="PCM_16"))
    for size in (1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        data[12:20] = struct.pack(">Q", size)
        assert headers.inspect(io.BytesIO(data), len(data)) is None


def test_any_header_is_survived(music):
    whole = wav(chunk(b"LIST", b"INFO"), FORMAT, chunk(b"data", music.tobytes()[:4000]))
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, 80, 3):
            data[place] = rng.integers(256)
        layout = headers.inspect(io.BytesIO(data), len(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AudioWarning)
            for part in layout.parts if layout else ():
                assert len(PartReader(io.BytesIO(data), part).read()) <= 2 * len(data)
