"""The spectrogram of a page: PNG images of 20 seconds each, in 16 shades of one colour."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from beattrack.audio import Excerpt, read_excerpt
from beattrack.page.sound import CHUNK_SECONDS
from beattrack.spectrogram import Spectrogram, SpectrogramSettings

COLUMNS_PER_SECOND = 50
SHADES = 16
RANGE_DB = 60.0  # below the loudest


def tiles(
    source: str | os.PathLike[str], *, track: int | None = None, excerpt: Excerpt | None = None
) -> list[bytes]:
    """Compute the spectrogram of a recording, or a part of it, as PNG images.

    Each shows 20 seconds, the last one fewer.
    A column is 1/50 s wide and centred at a multiple of it; low frequencies are at the bottom. The shades are
    opacities of black, so that the page can choose the colour.

    Raises:
        AudioError: if the recording cannot be read.
    """
    spectrogram = Spectrogram(SpectrogramSettings(fps=COLUMNS_PER_SECOND, bands_per_octave=6))
    blocks = read_excerpt(
        source, excerpt or Excerpt(), sample_rate=spectrogram.settings.sample_rate, track=track
    )
    magnitudes = [block.astype(np.float16) for block in spectrogram.blocks(blocks)]  # half of the memory
    shades = _shades(np.concatenate([np.empty((0, spectrogram.settings.bands), np.float16), *magnitudes]))
    width = CHUNK_SECONDS * COLUMNS_PER_SECOND
    return [_png(shades[start : start + width].T[::-1]) for start in range(0, len(shades), width)]


def _shades(magnitudes: NDArray[np.float16]) -> NDArray[np.uint8]:
    """Quantise magnitudes, shape (columns, bands), on a logarithmic scale to 0..15."""
    loudest = float(magnitudes.max(initial=0.0))
    if not loudest:
        return np.zeros(magnitudes.shape, np.uint8)
    decibels = 20 * np.log10(np.maximum(magnitudes.astype(np.float32) / loudest, 1e-6))
    shades: NDArray[np.uint8] = np.rint(np.clip(decibels / RANGE_DB + 1, 0, 1) * (SHADES - 1)).astype(
        np.uint8
    )
    return shades


def _png(shades: NDArray[np.uint8]) -> bytes:
    """Encode shades, shape (height, width), as a PNG image with a palette of 4 bits per pixel."""
    height, width = shades.shape
    even = np.pad(shades, ((0, 0), (0, width % 2)))
    rows = np.zeros((height, 1 + even.shape[1] // 2), np.uint8)  # the first byte of a row: no filter
    rows[:, 1:] = even[:, ::2] << 4 | even[:, 1::2]
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    opacities = bytes(round(255 * shade / (SHADES - 1)) for shade in range(SHADES))
    parts = (
        (b"IHDR", header),
        (b"PLTE", bytes(3 * SHADES)),
        (b"tRNS", opacities),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
