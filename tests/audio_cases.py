"""What the tests of audio share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from beattrack.audio import AudioWarning, load
from beattrack.errors import AudioError

RATE = 22050
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")


def write(path: Path, samples: np.ndarray, rate: int, **options: Any) -> Path:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    # In pieces: libsndfile overflows its stack when it encodes a long OGG at once.
    with soundfile.SoundFile(os.fsencode(path), "w", rate, channels, **options) as file:
        for start in range(0, len(samples), 4096):
            file.write(samples[start : start + 4096])
    return path


def expected(samples: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(samples.reshape(len(samples), -1).mean(1, dtype=np.float32), rate, RATE)


def lag(delayed: np.ndarray, original: np.ndarray) -> int:
    """By how many samples `delayed` comes later, from the peak of the cross-correlation."""
    size = 1 << (len(delayed) + len(original)).bit_length()
    spectrum = np.fft.rfft(delayed, size) * np.conj(np.fft.rfft(original, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


def one_line_error(action: Callable[[], object]) -> str:
    with pytest.raises(AudioError) as caught:
        action()
    message = str(caught.value)
    assert message
    assert message.isprintable()
    return message


def load_warned(path: object, match: str) -> np.ndarray:
    with pytest.warns(AudioWarning, match=match) as caught:
        samples = load(path, sample_rate=RATE)  # type: ignore[arg-type]
    assert len(caught) == 1
    return samples


def make_text(folder: Path) -> Path:
    (folder / "text.au").write_text("This is no music.\n" * 100)
    return folder / "text.au"
