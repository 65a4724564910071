from __future__ import annotations

import numpy as np
import pytest
import soundfile

from beattrack.audio import load
from tests.audio_cases import RATE, expected, lag, load_warned, one_line_error, write
from tests.synth import click_clip

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


# --- formats -----------------------------------------------------------------------------------------------


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


# --- damaged files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "AIFF", "AU"])
def test_a_file_that_ends_early_is_used_with_a_warning(tmp_path, stereo, kind):
    music = np.tile(stereo, (3, 1))
    whole = write(tmp_path / "whole", music, 44100, format=kind)
    data = whole.read_bytes()
    (tmp_path / "part").write_bytes(data[: len(data) // 2 + 1])
    part = load_warned(
        tmp_path / "part", "part: is damaged or ends early; only [0-9.]+ s of it could be used"
    )
    full = load(whole, sample_rate=RATE)
    assert len(part) > 0.3 * len(full)
    common = len(part) - 2000  # the resampler and the MP3 decoder see ahead
    np.testing.assert_allclose(part[:common], full[:common], atol=1e-6)


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


# --- tracks ---------------------------------------------------------------------------------------------


def test_a_sound_file_has_one_track(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100)
    np.testing.assert_array_equal(load(path, sample_rate=RATE, track=1), load(path, sample_rate=RATE))
    message = one_line_error(lambda: load(path, sample_rate=RATE, track=2))
    assert message == f"{path}: has no audio track 2; it has only one"
