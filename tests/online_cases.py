"""Activations of click tracks: what the tests play to the online decoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Tracks = tuple[Float64, Float64]


def clicks(
    bpm: float, seconds: float, *, metre: int = 4, first: float = 0.3, fps: float = 100.0
) -> tuple[Tracks, Float64]:
    """Beat and downbeat activations of a click track, and the times of its beats."""
    beats = np.full(round(seconds * fps), 0.005)
    downbeats = np.full(len(beats), 0.002)
    times = np.arange(first, seconds - 2 / fps, 60 / bpm)
    for number, time in enumerate(times):
        frames = round(time * fps) + np.arange(-1, 2)
        beats[frames] = (0.4, 0.9, 0.5)
        downbeats[frames] = beats[frames] * (0.9 if number % metre == 0 else 0.05)
    return (beats, downbeats), times


def silence(seconds: float, *, fps: float = 100.0) -> Tracks:
    """Activations without any beat."""
    return np.full(round(seconds * fps), 0.001), np.full(round(seconds * fps), 0.0005)


def joined(*tracks: Tracks) -> Tracks:
    """Activations one after the other."""
    return np.concatenate([beats for beats, _ in tracks]), np.concatenate([downs for _, downs in tracks])
