from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.audio import load, mpeg
from tests.audio_cases import (
    RATE,
    ape,
    encoded,
    expected,
    id3,
    lag,
    load_warned,
    needs_ffmpeg,
    one_line_error,
    run_ffmpeg,
)
from tests.synth import click_clip

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")

DURATION = 6.0
TIMES = np.arange(0.5, DURATION, 0.5)
DELAY = 1105  # samples of LAME and decoder, at 44.1 kHz


@pytest.fixture(scope="module")
def clicks() -> np.ndarray:
    return click_clip(TIMES, duration=DURATION, sample_rate=44100)


@pytest.fixture(scope="module")
def tagged(clicks) -> bytes:
    """An MP3 with LAME's tag."""
    return encoded(np.stack([clicks, clicks], axis=1), 44100, format="MP3")


@pytest.fixture(scope="module")
def untagged(tagged) -> bytes:
    """The same without its first frame, the tag; the bit rate varies."""
    return tagged[second_frame(tagged) :]


def second_frame(data: bytes) -> int:
    return data.index(data[:2], 100)


def frames_of(data: bytes) -> list[int]:
    """Offsets of all frames but the last, found by decoding headers of version 1, layer III."""
    kbits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    places, place = [], 0
    while place + 4 < len(data):
        places.append(place)
        place += 144_000 * kbits[data[place + 2] >> 4] // 44100 + (data[place + 2] >> 1 & 1)
    assert place == len(data)
    return places


def read(folder: Path, data: bytes) -> np.ndarray:
    (folder / "music.mp3").write_bytes(data)
    return load(folder / "music.mp3", sample_rate=44100)


def with_count(data: bytes, frames: int, size: int | None = None) -> bytes:
    """Return an MP3 with other numbers in its tag."""
    changed = bytearray(data)
    at = data.index(b"Xing") + 4
    changed[at + 4 : at + 8] = struct.pack(">I", frames)
    if size is not None:
        changed[at + 8 : at + 12] = struct.pack(">I", size)
    return bytes(changed)


# --- tags and delays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 0, 50_000_000])
@pytest.mark.parametrize("frames", [0, 1, 50, 120, 1_000_000])
def test_a_wrong_number_of_frames_is_not_believed(tmp_path, tagged, clicks, frames, size):
    samples = read(tmp_path, with_count(tagged, frames, size))
    assert lag(samples, clicks) == 0
    assert 0 <= len(samples) - len(clicks) < 1152


def test_a_file_ended_at_a_frame_is_not_called_cut(tmp_path, tagged):
    """Editors that split files at frames leave the tag as it was."""
    places = frames_of(tagged)
    samples = read(tmp_path, tagged[: places[80]])
    assert len(samples) == 1152 * 79 - DELAY


def test_blocks_that_were_never_filled_are_missing(tmp_path, tagged):
    half = len(tagged) // 2
    (tmp_path / "part").write_bytes(tagged[:half] + bytes(len(tagged) - half))
    load_warned(tmp_path / "part", "part: is damaged or ends early; only [0-9.]+ s of it")


def test_a_tag_of_a_longer_file_tells_that_it_was_cut(tmp_path, tagged):
    (tmp_path / "part").write_bytes(tagged[: len(tagged) // 2])
    samples = load_warned(tmp_path / "part", "part: is damaged or ends early; only [0-9.]+ s of it")
    assert len(samples) > 0.3 * DURATION * RATE


def test_a_picture_that_reads_like_a_tag_states_nothing(tmp_path, untagged):
    picture = id3(b"Xing\x00\x00\x00\x01\x00\x00\xff\xff" * 200)
    np.testing.assert_array_equal(read(tmp_path, picture + untagged), read(tmp_path, untagged))


def test_frames_of_varying_length_without_tag_are_all_read(tmp_path, untagged, clicks):
    samples = read(tmp_path, untagged)
    assert len(samples) == 1152 * len(frames_of(untagged))
    assert lag(samples, clicks) == DELAY


def test_a_high_first_bit_rate_hides_no_frames(tmp_path, untagged):
    """libsndfile alone takes the first frame for the average, and stops early."""
    places = frames_of(untagged)
    sizes = np.diff([*places, len(untagged)])
    first = next(index for index in range(len(places)) if sizes[index] > 1.2 * sizes.mean())
    data = untagged[places[first] :]
    (tmp_path / "music").write_bytes(data)
    with soundfile.SoundFile(tmp_path / "music") as file:
        assert file.frames < 1152 * (len(places) - first) - 4410
    assert len(read(tmp_path, data)) == 1152 * (len(places) - first)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("behind", [b"", b"Info" + bytes(4)])
def test_the_delay_that_itunes_states(tmp_path, untagged, clicks, wide, behind):
    value = " 00000000 00000240 00000400 0000000000040992 00000000 00000000"
    name, text = "iTunSMPB\0", value
    body = (
        b"\x01eng" + ("\ufeff" + name).encode("utf-16-le") + ("\ufeff" + text).encode("utf-16-le")
        if wide
        else b"\x00eng" + (name + text).encode()
    )
    comment = id3(b"COMM" + struct.pack(">I", len(body)) + bytes(2) + body)
    frame = b"\xff\xfb\x50\xc0" + bytes(17 if untagged[3] >> 6 == 3 else 32) + behind if behind else b""
    frame += bytes(208 - len(frame)) if frame else b""
    samples = read(tmp_path, comment + frame + untagged)
    assert lag(samples, clicks) == 0


def test_a_vbri_tag_is_no_music(tmp_path, untagged, clicks):
    count = len(frames_of(untagged))
    tag = bytearray(208)
    tag[:4] = b"\xff\xfb\x50" + untagged[3:4]
    tag[36:54] = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, len(untagged), count)
    samples = read(tmp_path, bytes(tag) + untagged)
    assert len(samples) == 1152 * count
    assert lag(samples, clicks) == DELAY


def test_parts_decode_to_what_the_file_does(tmp_path, tagged):
    whole = read(tmp_path, tagged)
    other = read(tmp_path, with_count(tagged, 5))
    np.testing.assert_array_equal(other[: len(whole)], whole)


# --- joined and damaged files -------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [b"", id3(bytes(3000)), ape(), b"TAG" + bytes(125), bytes(2000)])
def test_joined_files_are_read_to_the_end(tmp_path, tagged, clicks, between):
    samples = read(tmp_path, tagged + between + tagged + between + tagged)
    one = 1152 * (len(frames_of(tagged)) - 1)
    # As players do: the later tags are frames of silence, the later delays stay.
    assert len(samples) == 3 * one + 2 * 1152 - DELAY
    for index in range(3):
        start = index * (one + 1152)
        assert lag(samples[start : start + len(clicks)], clicks) == 0


def test_joined_files_of_other_rates_and_channels(tmp_path, tagged, clicks):
    low = encoded(click_clip(TIMES, duration=DURATION, sample_rate=22050), 22050, format="MP3")
    samples = read(tmp_path, tagged + low + tagged)
    assert len(samples) == pytest.approx(3 * len(clicks), abs=3 * 4000)
    assert lag(samples[len(clicks) :][: len(clicks)], clicks) == pytest.approx(2 * DELAY, abs=3000)
    energy = np.add.reduceat(samples[: 3 * len(clicks)] ** 2, np.arange(0, 3 * len(clicks), len(clicks)))
    np.testing.assert_allclose(energy / energy[0], 1, atol=0.2)


@pytest.mark.parametrize("tag", [id3(bytes(3000)), ape()])
def test_a_tag_in_the_middle_costs_a_frame_at_most(tmp_path, tagged, clicks, tag):
    middle = len(tagged) // 2
    samples = read(tmp_path, tagged[:middle] + tag + tagged[middle:])
    assert 0 <= len(clicks) + 1152 - len(samples) < 2 * 1152
    half = len(clicks) // 3
    np.testing.assert_allclose(samples[:half], read(tmp_path, tagged)[:half], atol=1e-6)


def test_junk_in_the_middle_costs_what_it_covers(tmp_path, tagged, clicks):
    data = bytearray(tagged)
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    lost = 4000 / len(data) * DURATION
    (tmp_path / "junk").write_bytes(data)
    samples = load_warned(tmp_path / "junk", "junk: is damaged in places; [0-9.]+ s of it could be used")
    assert len(samples) / RATE == pytest.approx(DURATION - lost, abs=0.3)


@pytest.mark.parametrize("front", [bytes(5000), id3(bytes(500)) + bytes(300)])
def test_padding_in_front_is_passed(tmp_path, tagged, front):
    whole = read(tmp_path, tagged)
    np.testing.assert_array_equal(read(tmp_path, front + tagged)[: len(whole)], whole)


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), ape(), bytes(50_000), b"\x13\x57" * 2000])
def test_what_follows_the_last_frame_is_no_music(tmp_path, tagged, behind):
    np.testing.assert_array_equal(read(tmp_path, tagged + behind), read(tmp_path, tagged))


def test_a_recording_that_begins_within_a_frame_needs_no_ffmpeg(tmp_path, monkeypatch, untagged):
    monkeypatch.setattr("beattrack.audio.ffmpeg.shutil.which", lambda name: None)
    places = frames_of(untagged)
    samples = read(tmp_path, untagged[places[7] + 11 :])
    assert len(samples) == 1152 * (len(places) - 8)


def test_what_is_no_mpeg_has_no_layout():
    rng = np.random.default_rng(0)
    for data in (b"", b"\xff", bytes(1000), b"\xff" * 100_000, rng.bytes(300_000), id3(bytes(100))):
        assert mpeg.inspect(io.BytesIO(data), len(data)) is None


def test_any_damage_is_survived(tmp_path, tagged):
    rng = np.random.default_rng(0)
    for _ in range(100):
        data = bytearray(tagged)
        for place in rng.integers(0, len(data), 200):
            data[place] = rng.integers(256)
        layout = mpeg.inspect(io.BytesIO(data), len(data))
        for part in layout.parts if layout else ():
            for start, stop in part.stretches:
                assert 0 <= start < stop <= len(data)


@pytest.mark.parametrize("name", ["mp2", "libtwolame"])
@needs_ffmpeg
def test_layer_ii_lines_up(tmp_path, clicks, name):
    soundfile.write(tmp_path / "clip.wav", clicks, 44100)
    try:
        run_ffmpeg("-i", tmp_path / "clip.wav", "-c:a", name, tmp_path / "clip.mp2")
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg has no {name}")
    assert abs(lag(load(tmp_path / "clip.mp2", sample_rate=RATE), expected(clicks, 44100))) <= 1


# --- standard error -----------------------------------------------------------------------------------------


PROGRAM = """
import sys, warnings
from beattrack.audio import load
from beattrack.errors import AudioError
for path in sys.argv[1:]:
    try:
        load(path, sample_rate=22050)
    except AudioError as error:
        print("error:", error, file=sys.stderr)
"""


def test_standard_error_is_ours(tmp_path, tagged):
    rng = np.random.default_rng(1)
    cut, junk, wrong = tmp_path / "cut.mp3", tmp_path / "junk.mp3", tmp_path / "wrong.mp3"
    cut.write_bytes(tagged[: len(tagged) // 2])
    damaged = bytearray(tagged)
    for place in rng.integers(2000, len(damaged), 400):
        damaged[place] = rng.integers(256)
    junk.write_bytes(damaged)
    wrong.write_bytes(b"\xff\xfb\x90\xc0" + rng.bytes(20_000))
    with (tmp_path / "log").open("wb") as log:  # a file, which C buffers and Python does not
        subprocess.run(
            [sys.executable, "-W", "always", "-c", PROGRAM, cut, junk, wrong],
            stderr=log,
            check=True,
            cwd=Path(__file__).parents[2],
        )
    lines = (tmp_path / "log").read_text().splitlines()
    assert any("AudioWarning" in line and "cut.mp3" in line for line in lines)  # our own come out
    assert not [line for line in lines if "mpg123" in line or "Note:" in line or line.startswith("Warning:")]


def test_rubbish_is_no_mp3(tmp_path):
    (tmp_path / "rubbish.mp3").write_bytes(b"\xff\xfb\x90\xc0" + np.random.default_rng(2).bytes(3000))
    assert "rubbish.mp3: " in one_line_error(lambda: load(tmp_path / "rubbish.mp3", sample_rate=RATE))
