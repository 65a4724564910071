from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.audio.base import AudioWarning
from beattrack.audio.early import EarlyRecording
from beattrack.audio.reading import load, read_blocks
from beattrack.errors import AudioError
from tests.synth import drum_clip


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("early") / "music.flac"
    left = drum_clip(120, duration=8.0, sample_rate=44100)[0]
    soundfile.write(path, np.stack([left, left[::-1]], axis=1), 44100)
    return path


def blocks(path: Path) -> list[np.ndarray]:
    return list(EarlyRecording(path).blocks(sample_rate=22050, block_seconds=1.0))


def test_the_samples_are_those_of_any_other_reading(recording: Path) -> None:
    expected = list(read_blocks(recording, sample_rate=22050, block_seconds=1.0))
    found = blocks(recording)
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))
    assert min(map(len, found[:-1])) >= 22050


def test_a_thread_that_decodes_ahead_changes_no_sample(recording: Path) -> None:
    threaded = list(read_blocks(recording, sample_rate=22050, block_seconds=0.5, threads=2))
    np.testing.assert_array_equal(np.concatenate(threaded), load(recording, sample_rate=22050))


@pytest.mark.parametrize("content", [b"", b"not a sound"])
def test_errors_are_those_of_any_other_reading(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError) as ours:
        blocks(path)
    with pytest.raises(AudioError) as expected:
        load(path, sample_rate=22050)
    assert str(ours.value) == str(expected.value)


def test_warnings_wait_until_the_recording_is_read(tmp_path: Path, recording: Path) -> None:
    samples, rate = soundfile.read(recording)
    path = tmp_path / "turned.wav"
    soundfile.write(path, np.stack([samples[:, 0], -samples[:, 0]], axis=1), rate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        early = EarlyRecording(path)
        early._decoded._thread.join(10)  # it decodes the whole file
    with pytest.warns(AudioWarning, match="cancel each other"):
        list(early.blocks(sample_rate=22050, block_seconds=1.0))


def test_an_empty_recording_has_no_blocks(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.empty(0), 44100)
    assert blocks(path) == list(read_blocks(path, sample_rate=22050))


def test_closing_ends_the_thread(recording: Path) -> None:
    before = threading.active_count()
    with EarlyRecording(recording):
        pass
    started = EarlyRecording(recording).blocks(sample_rate=22050, block_seconds=0.1)
    next(started)
    started.close()
    assert threading.active_count() == before
