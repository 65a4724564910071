"""Synthetic music for the benchmarks, so that they need no recordings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.synth import drum_clip


def music(seconds: float, rate: int) -> np.ndarray:
    """Return drums and a sustained chord, (samples, 2) float32."""
    left = drum_clip(120, duration=seconds, sample_rate=rate)[0]
    right = drum_clip(120, duration=seconds, sample_rate=rate, seed=1)[0]
    clock = np.arange(len(left)) / rate
    chords = sum(np.sin(2 * np.pi * pitch * clock) for pitch in (220, 277.2, 329.6, 440)) * 0.05
    return np.stack([left + chords, right + chords], axis=1).astype(np.float32).clip(-1, 1)


def write_files(
    folder: Path, samples: np.ndarray, rate: int, kinds: Sequence[str] = ("WAV", "FLAC", "MP3", "OGG")
) -> list[Path]:
    """Write music in several formats, at the default qualities of libsndfile, and return the paths."""
    paths = []
    for kind in kinds:
        paths.append(folder / f"music.{kind.lower()}")
        with soundfile.SoundFile(paths[-1], "w", rate, 2, format=kind) as file:
            for start in range(0, len(samples), 65536):
                file.write(samples[start : start + 65536])
    return paths
