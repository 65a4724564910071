from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from beattrack import audio
from beattrack.audio import Excerpt, ExcerptBlocks, excerpt_of_samples, files, read_excerpt
from beattrack.audio.excerpt import opened_excerpt
from beattrack.errors import AudioError, SettingsError
from tests.audio_cases import write
from tests.synth import drum_clip

RATE = 22050
SECONDS = 12.0


def samples_of(blocks: ExcerptBlocks) -> np.ndarray:
    return np.concatenate([np.empty(0, np.float32), *blocks])


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    left = drum_clip(121, duration=SECONDS, sample_rate=44100)[0]
    right = drum_clip(97, duration=SECONDS, sample_rate=44100, seed=4)[0]
    return np.stack([left, right], axis=1)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.ogg", "a.mp3"])
def test_the_samples_are_those_of_the_whole(tmp_path: Path, music: np.ndarray, name: str) -> None:
    song = write(tmp_path / name, music, 44100)
    whole = audio.load(song, sample_rate=44100)  # not resampled
    for start, end in ((0, 2), (3.5, 4.25), (6.001, 9), (10, None)):
        part = samples_of(read_excerpt(song, Excerpt(start, end), sample_rate=44100))
        stop = None if end is None else round(end * 44100)
        np.testing.assert_array_equal(part, whole[round(start * 44100) : stop])


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_resampled_samples_differ_by_rounding_only(tmp_path: Path, rate: int) -> None:
    song = write(tmp_path / "a.flac", drum_clip(121, duration=SECONDS, sample_rate=rate)[0], rate)
    whole = audio.load(song, sample_rate=RATE)
    for start, end in ((0, 2), (3.5, 4.25), (6.001, 9), (10, None)):
        part = samples_of(read_excerpt(song, Excerpt(start, end), sample_rate=RATE))
        stop = None if end is None else round(end * RATE)
        np.testing.assert_allclose(part, whole[round(start * RATE) : stop], atol=1e-6)


@given(
    start=st.floats(0, SECONDS - 0.01),
    length=st.none() | st.floats(0.001, 20),
    block=st.floats(0.01, 5),
)
def test_parts_of_arrays_and_blocks_of_any_length(
    music: np.ndarray, start: float, length: float | None, block: float
) -> None:
    end = None if length is None else start + length
    blocks = excerpt_of_samples(
        music, Excerpt(start, end), source_rate=44100, sample_rate=44100, block_seconds=block
    )
    stop = None if end is None else round(end * 44100)
    expected = audio.from_samples(music, source_rate=44100, sample_rate=44100)[round(start * 44100) : stop]
    np.testing.assert_array_equal(samples_of(blocks), expected)
    assert blocks.duration == SECONDS


def test_a_whole_recording_is_what_read_blocks_reads(tmp_path: Path, music: np.ndarray) -> None:
    song = write(tmp_path / "a.mp3", music, 44100)
    blocks = read_excerpt(song, Excerpt(), sample_rate=RATE)
    np.testing.assert_array_equal(samples_of(blocks), audio.load(song, sample_rate=RATE))
    assert Excerpt().is_whole
    assert not Excerpt(end=3).is_whole


@pytest.mark.parametrize(
    ("name", "end", "duration"),
    [
        ("a.wav", 2, SECONDS),
        ("a.flac", 2, SECONDS),
        ("a.ogg", 2, SECONDS),
        ("a.mp3", 2, 2),  # the length of an MP3 is only known once it is decoded
        ("a.mp3", 100, SECONDS),
    ],
)
def test_the_duration_is_that_of_the_recording_if_it_is_known(
    tmp_path: Path, music: np.ndarray, name: str, end: float, duration: float
) -> None:
    blocks = read_excerpt(write(tmp_path / name, music, 44100), Excerpt(1, end), sample_rate=RATE)
    assert len(samples_of(blocks)) == pytest.approx((min(end, SECONDS) - 1) * RATE, abs=1)
    assert blocks.duration == pytest.approx(duration, abs=1e-3)


@pytest.mark.parametrize("name", ["a.wav", "a.ogg"])
@pytest.mark.parametrize("start", [SECONDS, SECONDS + 0.5, 3600])
def test_a_part_after_the_end(tmp_path: Path, music: np.ndarray, name: str, start: float) -> None:
    song = write(tmp_path / name, music, 44100)
    for source in (song, song.read_bytes(), io.BytesIO(song.read_bytes())):
        with pytest.raises(AudioError, match=rf"has nothing from {start:g} s on; it is 12.00 s long"):
            samples_of(read_excerpt(source, Excerpt(start), sample_rate=RATE))
    with pytest.raises(AudioError, match=f"samples: has nothing from {start:g} s on"):
        samples_of(excerpt_of_samples(music, Excerpt(start), source_rate=44100, sample_rate=RATE))


def test_decoding_stops_after_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song = write(tmp_path / "a.wav", np.zeros(60 * RATE), RATE)
    decoded: list[int] = []
    pieces = files.sndfile._pieces

    def counted(sound: object) -> object:
        for piece in pieces(sound):
            decoded.append(len(piece))
            yield piece

    monkeypatch.setattr(files.sndfile, "_pieces", counted)
    assert len(samples_of(read_excerpt(song, Excerpt(30, 32), sample_rate=RATE))) == 2 * RATE
    assert sum(decoded) < 6 * RATE  # the part, a second before and after it, and the rest of a piece


def test_damage_after_the_part_is_of_no_concern(tmp_path: Path, music: np.ndarray) -> None:
    song = write(tmp_path / "a.flac", music, 44100)
    data = song.read_bytes()
    song.write_bytes(data[: len(data) * 3 // 4])
    part = samples_of(read_excerpt(song, Excerpt(1, 3), sample_rate=44100))  # warnings are errors
    assert len(part) == 2 * 44100
    with pytest.warns(audio.AudioWarning, match="ends early"):
        samples_of(read_excerpt(song, Excerpt(1), sample_rate=44100))


def test_a_sound_file_is_read_from_where_it_is(tmp_path: Path, music: np.ndarray) -> None:
    song = write(tmp_path / "a.wav", music, 44100)
    whole = audio.load(song, sample_rate=44100)
    with soundfile.SoundFile(song) as sound:
        sound.seek(44100)
        part = samples_of(read_excerpt(sound, Excerpt(2, 4), sample_rate=44100))
    np.testing.assert_array_equal(part, whole[3 * 44100 : 5 * 44100])


def test_samples_as_stored(tmp_path: Path, music: np.ndarray) -> None:
    song = write(tmp_path / "a.flac", music, 44100)
    with opened_excerpt(song, Excerpt(2.5, 3.5)) as (stream, _):
        stored = np.concatenate([piece.copy() for piece in stream.pieces])
    np.testing.assert_array_equal(stored, soundfile.read(song, dtype=stored.dtype)[0][110250:154350])


@pytest.mark.parametrize(("start", "end"), [(-1, None), (2, 2), (3, 2), (0, 0), (float("nan"), None)])
def test_parts_that_cannot_be_meant(start: float, end: float | None) -> None:
    with pytest.raises(SettingsError, match=r"start|end"):
        Excerpt(start, end)
