"""Music with known beats, made from sines and noise: what the tests play to the tracker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int = NDArray[np.int64]

CHORD_ROOTS = (0, 5, 7, -3)  # semitones: I IV V vi
SNARE_POSITIONS = {2: (2,), 3: (2, 3), 4: (2, 4)}  # by beats per bar; others: every beat but the first


def beat_grid(
    tempo_bpm: float | Sequence[float],
    *,
    beats_per_bar: int = 4,
    duration: float = 10.0,
    first_beat: float = 0.5,
) -> tuple[Float64, Int]:
    """Times in seconds and positions in the bar; several tempi divide the duration equally among them."""
    tempi = np.atleast_1d(np.asarray(tempo_bpm, float))
    times = []
    time = first_beat
    while time < duration:
        times.append(time)
        time += 60 / tempi[min(int(time / duration * len(tempi)), len(tempi) - 1)]
    return np.array(times), np.arange(len(times)) % beats_per_bar + 1


def drum_clip(
    tempo_bpm: float | Sequence[float],
    *,
    beats_per_bar: int = 4,
    duration: float = 10.0,
    sample_rate: int = 22050,
    first_beat: float = 0.5,
    bass: bool = True,
    seed: int = 0,
) -> tuple[Float32, Float64, Int]:
    """Kick on 1 (and 3 of 4), snare between, hats on eighths, a bass note a bar.

    Returns (samples,) float32 within -1..1, beat times in seconds, positions in the bar (1 = downbeat). The
    same arguments give the same samples.
    """
    times, positions = beat_grid(
        tempo_bpm, beats_per_bar=beats_per_bar, duration=duration, first_beat=first_beat
    )
    kick, snare, hat = _kick(sample_rate), _snare(sample_rate, seed), _hat(sample_rate, seed)
    snares = SNARE_POSITIONS.get(beats_per_bar, tuple(range(2, beats_per_bar + 1)))
    mix = np.zeros(round(duration * sample_rate))
    for time, position, length in zip(times, positions, np.diff(times, append=duration), strict=True):
        _add(mix, snare if position in snares else kick, time, sample_rate)
        _add(mix, 0.5 * hat, time, sample_rate)
        _add(mix, 0.3 * hat, time + length / 2, sample_rate)
        if bass and position == 1:
            _add(mix, _bass(sample_rate, length * beats_per_bar, int(time * 7) % 5), time, sample_rate)
    return (0.4 * mix).clip(-1, 1).astype(np.float32), times, positions


def band_clip(
    tempo_bpm: float | Sequence[float],
    *,
    beats_per_bar: int = 4,
    duration: float = 10.0,
    sample_rate: int = 22050,
    first_beat: float = 0.5,
) -> tuple[Float32, Float64, Int]:
    """`drum_clip` with what tells a listener the bars: a chord and its bass a bar, a crash every four.

    Returns what `drum_clip` returns.
    """
    drums, times, positions = drum_clip(
        tempo_bpm,
        beats_per_bar=beats_per_bar,
        duration=duration,
        sample_rate=sample_rate,
        first_beat=first_beat,
        bass=False,
    )
    mix = 0.8 * drums.astype(float)
    downbeats = times[positions == 1]
    for bar, (start, length) in enumerate(zip(downbeats, np.diff(downbeats, append=duration), strict=True)):
        root = CHORD_ROOTS[bar % len(CHORD_ROOTS)]
        _add(mix, 0.6 * _bass(sample_rate, length, root), start, sample_rate)
        _add(mix, _chord(sample_rate, length, root), start, sample_rate)
        if bar % 4 == 0:
            _add(mix, _crash(sample_rate), start, sample_rate)
    return mix.clip(-1, 1).astype(np.float32), times, positions


def click_clip(times: Sequence[float] | Float64, *, duration: float, sample_rate: int = 22050) -> Float32:
    """(samples,) short 1 kHz clicks at `times` in seconds, silence between."""
    mix = np.zeros(round(duration * sample_rate))
    seconds = np.arange(round(0.02 * sample_rate)) / sample_rate
    for time in times:
        _add(mix, 0.8 * np.sin(2 * np.pi * 1000 * seconds) * np.exp(-seconds / 0.004), time, sample_rate)
    return mix.astype(np.float32)


def _add(mix: Float64, sound: Float64, time: float, sample_rate: int) -> None:
    start = round(time * sample_rate)
    room = mix[start : start + len(sound)]
    room += sound[: len(room)]


def _kick(sample_rate: int) -> Float64:
    seconds = np.arange(round(0.25 * sample_rate)) / sample_rate
    phase = 2 * np.pi * (50 * seconds + 110 * 0.03 * (1 - np.exp(-seconds / 0.03)))  # falls from 160 to 50 Hz
    return 1.2 * np.sin(phase) * np.exp(-seconds / 0.08)


def _snare(sample_rate: int, seed: int) -> Float64:
    seconds = np.arange(round(0.18 * sample_rate)) / sample_rate
    noise = np.random.default_rng(seed).standard_normal(len(seconds))
    return (0.4 * noise + 0.5 * np.sin(2 * np.pi * 190 * seconds)) * np.exp(-seconds / 0.05)


def _hat(sample_rate: int, seed: int) -> Float64:
    seconds = np.arange(round(0.05 * sample_rate)) / sample_rate
    noise = np.random.default_rng(seed + 1).standard_normal(len(seconds) + 1)
    return np.diff(noise) * 0.4 * np.exp(-seconds / 0.012)


def _bass(sample_rate: int, length: float, step: int) -> Float64:
    seconds = np.arange(round(length * sample_rate)) / sample_rate
    pitch = 55 * 2 ** (step / 12)
    return 0.35 * np.sin(2 * np.pi * pitch * seconds) * np.exp(-seconds / max(length, 1e-3))


def _chord(sample_rate: int, length: float, root: int) -> Float64:
    seconds = np.arange(round(length * sample_rate)) / sample_rate
    pitches = 220 * 2 ** ((root + np.array([0, 4, 7])) / 12)
    partials = sum(np.sin(2 * np.pi * n * pitch * seconds) / n for pitch in pitches for n in (1, 2, 3, 4))
    return 0.05 * partials * np.exp(-seconds / 1.5)


def _crash(sample_rate: int) -> Float64:
    seconds = np.arange(round(1.2 * sample_rate)) / sample_rate
    noise = np.random.default_rng(7).standard_normal(len(seconds) + 1)
    return np.diff(noise) * 0.25 * np.exp(-seconds / 0.4)
