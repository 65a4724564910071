from __future__ import annotations

import io

import numpy as np
import pytest

from beattrack.audio import flac, load
from beattrack.audio.parts import Part
from tests.audio_cases import RATE, ape, encoded, expected, id3, load_warned, needs_ffmpeg

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


@pytest.fixture(scope="module")
def music(stereo) -> np.ndarray:
    return np.round(np.tile(stereo, (3, 1)) * 32768).clip(-32768, 32767).astype(np.int16)


@pytest.fixture(scope="module")
def data(music) -> bytes:
    return encoded(music, 44100, format="FLAC")


def wanted(*music: np.ndarray) -> np.ndarray:
    return expected(np.concatenate(music).astype(np.float32) / 32768, 44100)


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), ape(), ape() + b"TAG" + bytes(125)])
def test_tags_behind_a_file_cost_nothing(tmp_path, music, data, behind):
    (tmp_path / "tagged").write_bytes(id3(bytes(500)) + data + behind)
    np.testing.assert_allclose(load(tmp_path / "tagged", sample_rate=RATE), wanted(music), atol=1e-6)


@pytest.mark.parametrize("between", [b"", b"TAG" + bytes(125)])
def test_joined_files_are_read_to_the_end(tmp_path, music, data, between):
    (tmp_path / "joined").write_bytes(data + between + data + between + data)
    np.testing.assert_allclose(load(tmp_path / "joined", sample_rate=RATE), wanted(*[music] * 3), atol=1e-6)


def test_a_single_file_has_no_parts(data):
    assert flac.inspect(io.BytesIO(data), len(data)) is None
    layout = flac.inspect(io.BytesIO(data * 2), 2 * len(data))
    assert layout is not None
    assert layout.parts == (Part(((0, len(data)),)), Part(((len(data), 2 * len(data)),)))


@pytest.fixture
def damaged(tmp_path, data):
    changed = bytearray(data)
    middle = len(changed) // 2
    changed[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    (tmp_path / "damaged").write_bytes(changed)
    return tmp_path / "damaged"


@needs_ffmpeg
def test_ffmpeg_reads_on_behind_damage(damaged, music):
    samples = load_warned(damaged, "damaged: is damaged in places; 9.0 s of it could be used")
    whole = wanted(music)
    assert len(samples) == len(whole)
    third = len(whole) // 3
    for part in (slice(0, third), slice(2 * third + 1000, None)):
        np.testing.assert_allclose(samples[part], whole[part], atol=1e-6)


def test_without_ffmpeg_the_music_ends_at_the_damage(damaged, music, monkeypatch):
    monkeypatch.setattr("beattrack.audio.ffmpeg.shutil.which", lambda name: None)
    samples = load_warned(
        damaged, r"damaged: is damaged or ends early; only [3-5]\.[0-9] s of it could be used"
    )
    np.testing.assert_allclose(samples[:-1000], wanted(music)[: len(samples) - 1000], atol=1e-6)
