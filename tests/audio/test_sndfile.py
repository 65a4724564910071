from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from beattrack.audio import load
from beattrack.audio.sndfile import open_sound
from tests.audio_cases import RATE, expected, load_warned, one_line_error, write

pytestmark = pytest.mark.usefixtures("audio_warnings_are_errors")


# --- open SoundFiles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_an_open_sound_file_is_read_to_its_end(tmp_path, stereo, kind):
    path = write(tmp_path / "music", np.tile(stereo, (4, 1)), 44100, format=kind)
    whole = load(path, sample_rate=RATE)
    with soundfile.SoundFile(path) as sound:
        np.testing.assert_array_equal(load(sound, sample_rate=RATE), whole)
        assert load(sound, sample_rate=RATE).size == 0
        assert sound.seekable()
        sound.seek(0)
        np.testing.assert_array_equal(load(sound, sample_rate=RATE), whole)
    with soundfile.SoundFile(io.BytesIO(path.read_bytes())) as sound:
        np.testing.assert_array_equal(load(sound, sample_rate=RATE), whole)


def test_it_is_read_from_where_it_stands(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100, subtype="FLOAT")
    with soundfile.SoundFile(path) as sound:
        sound.seek(44100)
        np.testing.assert_array_equal(load(sound, sample_rate=RATE), expected(stereo[44100:], 44100))


def test_sound_files_that_cannot_be_read(tmp_path, stereo):
    path = write(tmp_path / "music.wav", stereo, 44100)
    with soundfile.SoundFile(path) as sound:
        message = one_line_error(lambda: load(sound, sample_rate=RATE, track=2))
        assert message == f"{path}: has no audio track 2; it has only one"
    assert one_line_error(lambda: load(sound, sample_rate=RATE)) == f"{path}: cannot be read (it is closed)"
    with soundfile.SoundFile(tmp_path / "new.wav", "w", 44100, 1) as sound:
        assert "opened for writing" in one_line_error(lambda: load(sound, sample_rate=RATE))
    with soundfile.SoundFile(io.BytesIO(), "w", 44100, 1, format="WAV") as sound:
        assert one_line_error(lambda: load(sound, sample_rate=RATE)).startswith("SoundFile: ")


def test_a_damaged_sound_file_is_used_as_far_as_it_goes(tmp_path, stereo):
    data = bytearray(write(tmp_path / "whole", np.tile(stereo, (3, 1)), 44100, format="FLAC").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    (tmp_path / "damaged").write_bytes(data)
    with soundfile.SoundFile(tmp_path / "damaged") as sound:
        samples = load_warned(sound, r"damaged: is damaged or ends early; only [3-5]\.[0-9] s")
    assert len(samples) > 3 * RATE


# --- how much there is --------------------------------------------------------------------------------------


def test_a_file_states_its_length_or_not(tmp_path, stereo):
    for kind, states in (("WAV", True), ("FLAC", True), ("OGG", True), ("MP3", False)):
        path = write(tmp_path / "music", stereo, 44100, format=kind)
        with open_sound(str(path), "music") as sound:
            assert sound.states_length is states
            assert not sound.lacks_data


def test_what_is_no_sound_is_none(tmp_path):
    (tmp_path / "text.au").write_text("no music")
    assert open_sound(str(tmp_path / "text.au"), "text") is None
    assert one_line_error(lambda: open_sound(str(tmp_path / "none"), "none")).startswith(
        "none: cannot be opened"
    )
