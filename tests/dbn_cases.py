"""Activations with and without a pulse: what the tests and benchmarks play to the decoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.base import Decoding

Float64 = NDArray[np.float64]

PUBLISHED = Path(__file__).parents[2] / "shared" / "data" / "published_activations"


def pulse(
    seconds: float,
    *,
    metre: int = 4,
    bpm: float = 120.0,
    fps: float = 100.0,
    seed: int = 0,
    drift: float = 0.004,
    spurious: float = 0.15,
) -> Activations:
    """A pulse train with noise, missing and off-beat peaks and a slowly changing tempo."""
    random = np.random.default_rng(seed)
    frames = round(seconds * fps)
    beats = np.abs(random.standard_normal(frames)) * 0.03 + 1e-4
    downbeats = np.abs(random.standard_normal(frames)) * 0.015 + 1e-4
    time, number = random.uniform(0, 60 / bpm), int(random.integers(metre))
    while time < seconds:
        peak = random.uniform(0.4, 0.95) * _bump(frames, (time + 0.006 * random.standard_normal()) * fps)
        if random.random() > 0.08:
            beats += peak
            downbeats += peak * (0.9 if number % metre == 0 and random.random() > 0.1 else 0.08)
        if random.random() < spurious:
            beats += random.uniform(0.05, 0.4) * _bump(frames, (time + 30 / bpm) * fps)
        bpm = float(np.clip(bpm * np.exp(drift * random.standard_normal()), 58, 205))
        time += 60 / bpm
        number += 1
    beats = np.minimum(beats, 0.98)
    return Activations(beats, np.minimum(downbeats, beats), fps)


def noise(seconds: float, *, fps: float = 100.0, seed: int = 0, power: float = 1.0) -> Activations:
    """Random activations, the smaller the commoner with higher `power`."""
    random = np.random.default_rng(seed)
    beats = 0.98 * random.random(round(seconds * fps)) ** power
    return Activations(beats, beats * random.random(len(beats)), fps)


def varied(seed: int, fps: float = 100.0) -> Activations:
    """Activations of many kinds and lengths, from 1 frame to 40 s, in either precision."""
    random = np.random.default_rng(seed)
    seconds = float(random.choice([1 / fps, 0.3, 0.6, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0]))
    kind = seed % 5
    if kind == 3:
        return noise(seconds, fps=fps, seed=seed)
    if kind == 4:
        return as_type(noise(seconds, fps=fps, seed=seed, power=6), np.float32)
    bpm = float(random.uniform(70, 170))
    return pulse(seconds, metre=(3, 4, 4)[kind], bpm=bpm, fps=fps, seed=seed)


def beats_only(activations: Activations) -> Activations:
    """The same without downbeats."""
    return Activations(activations.beats, None, activations.fps)


def as_type(activations: Activations, dtype: type[np.floating]) -> Activations:
    """The same in another precision."""
    downbeats = None if activations.downbeats is None else activations.downbeats.astype(dtype)
    return Activations(activations.beats.astype(dtype), downbeats, activations.fps)


def published(name: str) -> dict[str, dict[str, Float64]]:
    """Published activations and detections of one dataset, by track."""
    tracks: dict[str, dict[str, Float64]] = {}
    with np.load(PUBLISHED / f"{name}.npz") as file:
        for key in file.files:
            track, kind = key.split("/", 1)
            tracks.setdefault(track, {})[kind] = file[key]
    return dict(sorted(tracks.items()))


def same(left: Decoding, right: Decoding) -> bool:
    """Whether beats and positions are identical."""
    if (left.positions is None) != (right.positions is None) or not np.array_equal(left.times, right.times):
        return False
    return left.positions is None or np.array_equal(left.positions, right.positions)


def _bump(frames: int, centre: float) -> Float64:
    return np.exp(-0.5 * ((np.arange(frames) - centre) / 1.1) ** 2)
