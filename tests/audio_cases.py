"""What the tests of audio share."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from beattrack.audio import AudioWarning, load
from beattrack.errors import AudioError

RATE = 22050
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg on PATH")
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")


def write(path: Path, samples: np.ndarray, rate: int, **options: Any) -> Path:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    # In pieces: libsndfile overflows its stack when it encodes a long OGG at once.
    with soundfile.SoundFile(os.fsencode(path), "w", rate, channels, **options) as file:
        for start in range(0, len(samples), 4096):
            file.write(samples[start : start + 4096])
    return path


def run_ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def encoded(samples: np.ndarray, rate: int, **options: Any) -> bytes:
    """Return the bytes of a file that libsndfile writes."""
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "music", samples, rate, **options).read_bytes()


def id3(body: bytes) -> bytes:
    """Return an ID3v2 tag."""
    size = len(body)
    return b"ID3\x03\x00\x00" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + body


def ape() -> bytes:
    """Return an APE tag with a header and a footer, and nothing that makes sense between them."""
    body = bytes(1000)
    numbers = struct.pack("<II", len(body) + 32, 1)
    header = b"APETAGEX" + struct.pack("<I", 2000) + numbers + struct.pack("<I", 0xA0000000) + bytes(8)
    return (
        header
        + body
        + b"APETAGEX"
        + struct.pack("<I", 2000)
        + numbers
        + struct.pack("<I", 1 << 31)
        + bytes(8)
    )


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


def make_text(folder: Path) -> Path:
    (folder / "text.au").write_text("This is no music.\n" * 100)
    return folder / "text.au"


def lateness(path: Path, like: Path) -> int:
    """By how many samples at 44.1 kHz a recording comes later than another."""
    return lag(load(path, sample_rate=44100), load(like, sample_rate=44100))
