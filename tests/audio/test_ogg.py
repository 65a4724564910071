from __future__ import annotations

import io

import numpy as np
import pytest

from beattrack.audio import load, ogg
from tests.audio_cases import RATE, encoded, expected, load_warned, needs_ffmpeg, run_ffmpeg, write

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")

KINDS = [("VORBIS", 44100), ("OPUS", 48000)]


def music(rate: int, seconds: float = 6.0) -> np.ndarray:
    """(samples, 2) of noise that changes all the time."""
    samples = np.random.default_rng(0).standard_normal((round(seconds * rate), 2)).astype(np.float32)
    return 0.1 * samples * np.sin(np.arange(len(samples))[:, np.newaxis] / 999)


def pages(data: bytes) -> list[int]:
    return [place for place in range(len(data)) if data[place : place + 4] == b"OggS"]


def inspect(data: bytes) -> ogg.Layout:
    layout = ogg.inspect(io.BytesIO(data), len(data))
    assert layout is not None
    return layout


@pytest.mark.parametrize(("kind", "rate"), KINDS)
def test_an_intact_file_is_read_as_it_is(kind, rate):
    assert inspect(encoded(music(rate), rate, format="OGG", subtype=kind)) == ogg.Layout(())


@pytest.mark.parametrize(("kind", "rate"), KINDS)
def test_joined_files_are_read_to_the_end(tmp_path, kind, rate):
    one = encoded(music(rate), rate, format="OGG", subtype=kind)
    (tmp_path / "one").write_bytes(one)
    (tmp_path / "three").write_bytes(one * 3)
    alone = load(tmp_path / "one", sample_rate=rate)
    np.testing.assert_array_equal(load(tmp_path / "three", sample_rate=rate), np.tile(alone, 3))


def test_joined_files_of_other_rates_and_codecs(tmp_path):
    parts = [
        encoded(music(44100), 44100, format="OGG"),
        encoded(music(22050)[:, 0], 22050, format="OGG"),
        encoded(music(48000), 48000, format="OGG", subtype="OPUS"),
    ]
    (tmp_path / "joined").write_bytes(b"".join(parts))
    assert len(load(tmp_path / "joined", sample_rate=RATE)) == pytest.approx(18 * RATE, abs=10)


@pytest.mark.parametrize(("kind", "rate"), KINDS)
def test_pages_that_are_damaged_missing_or_separated(kind, rate):
    data = encoded(music(rate), rate, format="OGG", subtype=kind)
    places = pages(data)
    middle, after = places[len(places) // 2], places[len(places) // 2 + 1]
    overwritten = bytearray(data)
    overwritten[middle + 500] ^= 1
    for damaged in (
        bytes(overwritten),
        data[:middle] + data[after:],
        data[:middle] + b"junk" * 500 + data[middle:],
    ):
        assert inspect(damaged).damaged
        assert not inspect(damaged).short


def test_a_file_cut_within_a_page_is_short(tmp_path):
    data = encoded(music(44100), 44100, format="OGG")
    (tmp_path / "part").write_bytes(data[: len(data) // 2])
    samples = load_warned(tmp_path / "part", "part: is damaged or ends early; only [0-9.]+ s of it")
    assert len(samples) > 2 * RATE


def test_what_follows_the_last_page_is_no_music(tmp_path):
    data = encoded(music(44100), 44100, format="OGG")
    assert inspect(data + b"TAG" + bytes(125)) == ogg.Layout(())


def test_pages_missing_behind_the_headers_are_no_damage():
    """As in a recording of a broadcast, whose server repeats the headers."""
    data = encoded(music(44100), 44100, format="OGG")
    places = pages(data)
    first_sound = next(
        place for place in places if int.from_bytes(data[place + 6 : place + 14], "little") > 0
    )
    later = places[places.index(first_sound) + 3]
    assert not inspect(data[:first_sound] + data[later:]).damaged


@needs_ffmpeg
@pytest.mark.parametrize(("kind", "rate"), KINDS)
def test_a_damaged_page_moves_nothing_behind_it(tmp_path, kind, rate):
    samples = music(rate, 12)
    data = bytearray(encoded(samples, rate, format="OGG", subtype=kind))
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "hole").write_bytes(data)
    found = load_warned(tmp_path / "hole", "hole: is damaged in places; 12.0 s of it could be used")
    wanted = expected(samples, rate)
    assert len(found) == pytest.approx(len(wanted), abs=2)
    for part in (slice(RATE, 3 * RATE), slice(9 * RATE, 11 * RATE)):
        assert np.corrcoef(found[part], wanted[part])[0, 1] > 0.7


def test_without_ffmpeg_a_damaged_file_says_how_much_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr("beattrack.audio.ffmpeg.shutil.which", lambda name: None)
    data = bytearray(encoded(music(44100, 12), 44100, format="OGG"))
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "hole").write_bytes(data)
    load_warned(tmp_path / "hole", r"hole: is damaged .* 1[01]\.[0-9] s of it could be used")


@needs_ffmpeg
def test_several_streams_in_one_file(tmp_path):
    for index, frequency in enumerate((300, 500)):
        tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(2 * 44100) / 44100)
        write(tmp_path / f"{index}.wav", tone, 44100)
    sources = [option for index in (0, 1) for option in ("-i", tmp_path / f"{index}.wav")]
    run_ffmpeg(*sources, "-map", "0:a", "-map", "1:a", "-c:a", "libvorbis", tmp_path / "both.ogg")
    for track, frequency in ((None, 300), (1, 300), (2, 500)):
        samples = load(tmp_path / "both.ogg", sample_rate=RATE, track=track)
        assert np.abs(np.fft.rfft(samples)).argmax() / 2 == pytest.approx(frequency, abs=2)
