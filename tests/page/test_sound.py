from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.errors import AudioError
from beattrack.page.sound import CHUNK_SECONDS, LEAD, SAMPLE_RATE, Sound, encode


def decoded(sound: Sound) -> np.ndarray:
    """What the page plays: the chunks one after the other, without their leads."""
    files = [soundfile.read(io.BytesIO(chunk), dtype="float32") for chunk in sound.chunks]
    assert {rate for _, rate in files} <= {SAMPLE_RATE}
    return np.concatenate([samples[LEAD if index else 0 :] for index, (samples, _) in enumerate(files)])


def test_chunks_play_on_without_a_seam(tmp_path: Path) -> None:
    seconds = np.arange(45 * SAMPLE_RATE) / SAMPLE_RATE
    samples = 0.5 * np.sin(2 * np.pi * 440 * seconds).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE)
    sound = encode(tmp_path / "a.wav")
    assert len(sound.chunks) == 3
    assert sound.duration == 45
    played = decoded(sound)
    assert len(played) == len(samples)
    for seam in (CHUNK_SECONDS * SAMPLE_RATE, 2 * CHUNK_SECONDS * SAMPLE_RATE):
        around = slice(seam - 400, seam + 400)
        assert np.abs(played[around] - samples[around]).max() < 0.03


def test_clicks_stay_within_a_sample(tmp_path: Path) -> None:
    samples = np.zeros(30 * SAMPLE_RATE, np.float32)
    onsets = np.arange(1, 29) * SAMPLE_RATE + 123
    samples[onsets[:, None] + np.arange(8)] = 0.9
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE)
    played = decoded(encode(tmp_path / "a.wav"))
    found = [onset - 400 + np.argmax(np.abs(played[onset - 400 : onset + 400]) > 0.45) for onset in onsets]
    assert np.abs(found - onsets).max() <= 1


def test_peaks_are_the_extremes_at_250_a_second(tmp_path: Path) -> None:
    samples = np.zeros(SAMPLE_RATE, np.float32)
    samples[200], samples[201] = 0.5, -0.25
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    peaks = encode(tmp_path / "a.wav").peaks
    assert peaks.shape == (250, 2)
    assert peaks[1].tolist() == [-64, 127]  # the loudest is full scale
    assert not np.delete(peaks, 1, axis=0).any()


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_recordings_of_hardly_a_sample(tmp_path: Path, samples: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(samples), SAMPLE_RATE)
    sound = encode(tmp_path / "a.wav")
    assert len(sound.chunks) == (samples > 0)
    assert len(sound.peaks) == (samples > 0)
    assert not sound.peaks.any()


def test_what_is_too_loud_is_clipped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(SAMPLE_RATE, 1e6), SAMPLE_RATE, subtype="FLOAT")
    assert np.abs(decoded(encode(tmp_path / "a.wav"))).max() < 1.5


def test_a_missing_recording(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        encode(tmp_path / "a.wav")
