"""Fixtures that several test files use."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.synth import click_clip, drum_clip


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data that is not part of the repository, beside it."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder ../shared with recordings and reference code")
    return folder


@pytest.fixture(scope="session")
def stereo() -> np.ndarray:
    """(samples, 2) at 44.1 kHz, 3 seconds, its left and right different."""
    left, _, _ = drum_clip(120, duration=3, sample_rate=44100)
    right, _, _ = drum_clip(90, duration=3, sample_rate=44100, seed=5)
    samples = np.stack([left, right], axis=1)
    samples.flags.writeable = False
    return samples


@pytest.fixture
def audio_warnings_are_errors() -> Iterator[None]:
    from beattrack.audio import AudioWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", AudioWarning)
        warnings.simplefilter("error", ResourceWarning)
        yield


@pytest.fixture(scope="session")
def click_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clicks every half second, for 6 seconds."""
    clicks = click_clip(np.arange(0.5, 6, 0.5), duration=6, sample_rate=44100)
    path = tmp_path_factory.mktemp("clicks") / "clicks.wav"
    soundfile.write(path, np.stack([clicks, clicks], axis=1), 44100)
    return path


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "clip.flac"
    soundfile.write(path, drum_clip(120, duration=8.0)[0], 22050)
    return path


@pytest.fixture
def clip(recorded: Path, tmp_path: Path) -> Path:
    """A recording at 120 BPM, alone in a folder of its own."""
    return Path(shutil.copy(recorded, tmp_path / "blues.00000.flac"))


@pytest.fixture
def two(clip: Path) -> tuple[Path, Path]:
    """Two recordings, alone in a folder of their own."""
    return clip, Path(shutil.copy(clip, clip.with_name("rock.00001.flac")))
