from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.page.picture import tiles


def pixels(image: bytes) -> np.ndarray:
    """Read a PNG image of 4 bits per pixel without filters, its checksums too: (height, width)."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(image):
        (length,) = struct.unpack_from(">I", image, place)
        name, data = image[place + 4 : place + 8], image[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", image, place + 8 + length) == (zlib.crc32(name + data),)
        chunks[name] = data
        place += 12 + length
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [4, 3, 0, 0, 0]
    assert len(chunks[b"PLTE"]) == 48
    assert list(chunks[b"tRNS"]) == [17 * shade for shade in range(16)]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    packed = rows[:, 1:]
    return np.stack([packed >> 4, packed & 15], axis=2).reshape(height, -1)[:, :width]


def test_a_tone_is_a_line_at_its_height(tmp_path: Path) -> None:
    seconds = np.arange(25 * 22050) / 22050
    for name, frequency in (("low", 100), ("high", 5000)):
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * np.sin(2 * np.pi * frequency * seconds), 22050)
    low, high = (tiles(tmp_path / f"{name}.wav") for name in ("low", "high"))
    assert [pixels(image).shape[1] for image in low] == [1000, 250]
    height = len(pixels(low[0]))
    loudest = [int(pixels(images[0])[:, 500].argmax()) for images in (low, high)]
    assert loudest[0] > 0.6 * height > 0.4 * height > loudest[1]
    assert pixels(low[0])[loudest[0], 500] == 15


def test_a_click_is_at_its_time(tmp_path: Path) -> None:
    samples = np.zeros(3 * 22050)
    samples[2 * 22050] = 1
    soundfile.write(tmp_path / "a.wav", samples, 22050)
    (image,) = tiles(tmp_path / "a.wav")
    columns = pixels(image).astype(int).sum(axis=0)
    assert columns.argmax() in (99, 100, 101)
    assert columns[:98].max() == 0


@pytest.mark.parametrize(("samples", "widths"), [(0, []), (1, [1]), (22050, [50]), (441 * 7, [7])])
def test_widths(tmp_path: Path, samples: int, widths: list[int]) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(samples), 22050)
    images = [pixels(image) for image in tiles(tmp_path / "a.wav")]
    assert [image.shape[1] for image in images] == widths
    assert not any(image.any() for image in images)
