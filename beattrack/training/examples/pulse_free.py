"""Training crops of sound without a pulse: noise, tones, a constant, a click.

A network trained on music alone finds beats in any sound.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from beattrack.datasets.songs import HARMONY_RATIO
from beattrack.harmony import Harmony
from beattrack.spectrogram import Spectrogram
from beattrack.training.examples.crop_settings import CropSettings
from beattrack.training.examples.crops import Crop
from beattrack.training.examples.targets import Targets
from beattrack.training.examples.variation import draw_shift, over_level, vary_harmony, vary_spectrum

Float = NDArray[np.float32]


def draw_pulse_free_crop(settings: CropSettings, rng: Generator) -> Crop:
    """Return a random crop of `settings.frames` frames without beats."""
    spectrogram = _spectrogram()
    rate, fps = spectrogram.settings.sample_rate, spectrogram.settings.fps
    samples = draw_sound(round(settings.frames * rate / fps), rate, rng)
    shift = draw_shift(settings, rng)
    magnitudes = vary_spectrum(spectrogram(samples)[: settings.frames], shift, settings, rng)
    nothing, everywhere = np.zeros(settings.frames, np.float32), np.ones(settings.frames, np.float32)
    return Crop(
        spectrogram=over_level(magnitudes),
        harmony=None if rng.random() < settings.harmony_drop else _harmony(samples, shift, settings, rng),
        targets=Targets(
            beats=nothing, downbeats=nothing, beat_weight=everywhere, downbeat_weight=everywhere, bpm=0.0
        ),
    )


def draw_sound(count: int, rate: int, rng: Generator) -> Float:
    """Return random sound without a pulse; half of the time, it starts late and stops early.

    Args:
        count: number of samples.
        rate: sample rate in Hz.
        rng: generator of random numbers.

    Returns:
        Samples of shape (count,), float32.
    """
    sounds = (_noise, _tones, _constant, _click)
    sound = sounds[rng.choice(len(sounds), p=(0.5, 0.2, 0.15, 0.15))](count, rate, rng)
    if rng.random() < 0.5:
        start, stop = np.sort(rng.integers(0, count + 1, 2))
        sound[:start] = 0
        sound[stop:] = 0
    return sound.astype(np.float32)


def _noise(count: int, rate: int, rng: Generator) -> NDArray[np.float64]:
    """Return noise between white and brown: its magnitude spectrum falls as frequency^-slope."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    slope = rng.uniform(0, 1)
    spectrum *= np.arange(1, len(spectrum) + 1) ** -slope
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / (noise.std() + 1e-12))


def _tones(count: int, rate: int, rng: Generator) -> NDArray[np.float64]:
    seconds = np.arange(count) / rate
    pitches = rng.uniform(50, 4000, rng.integers(1, 6))
    return np.asarray(sum(np.sin(2 * np.pi * pitch * seconds) for pitch in pitches))


def _constant(count: int, rate: int, rng: Generator) -> NDArray[np.float64]:
    return np.full(count, 0.2)


def _click(count: int, rate: int, rng: Generator) -> NDArray[np.float64]:
    clicks = np.zeros(count)
    clicks[rng.integers(count)] = 1.0
    return clicks


def _harmony(samples: Float, shift: int, settings: CropSettings, rng: Generator) -> Float:
    frames = -(-settings.frames // HARMONY_RATIO)
    return over_level(vary_harmony(_slow_view()(samples)[:frames], shift, settings, rng))


@lru_cache(maxsize=1)
def _spectrogram() -> Spectrogram:
    return Spectrogram()


@lru_cache(maxsize=1)
def _slow_view() -> Harmony:
    return Harmony()
