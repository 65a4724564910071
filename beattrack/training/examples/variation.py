"""Augmentation of training crops in the spectrogram domain: pitch, equaliser, masks, level."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from beattrack.network.input_level import recording_level
from beattrack.training.examples.crop_settings import CropSettings

Float = NDArray[np.float32]


def vary_spectrum(magnitudes: Float, shift: int, settings: CropSettings, rng: Generator) -> Float:
    """Return (frames, bands) magnitudes transposed by `shift` bands, equalised and masked at random."""
    gains = draw_gains(magnitudes.shape[1], settings, rng)
    return mask_time(transposed(magnitudes, shift) * gains, settings, rng)


def vary_harmony(magnitudes: Float, shift: int, settings: CropSettings, rng: Generator) -> Float:
    """Return a harmony view, (slow frames, bands), transposed by `shift` bands and equalised at random."""
    bands = magnitudes.shape[1]
    gains = decibels(_smooth_curve(bands, rng) * settings.harmony_equaliser_db)
    if rng.random() < settings.harmony_bass_cut_probability:
        gains[: rng.integers(bands // 15, bands // 3)] *= decibels(-rng.uniform(15, 40))
    return transposed(magnitudes, shift) * gains


def draw_shift(settings: CropSettings, rng: Generator) -> int:
    """Return a random number of bands by which to transpose a crop, often 0."""
    if rng.random() >= settings.pitch_probability:
        return 0
    return int(rng.integers(-settings.pitch_bands, settings.pitch_bands + 1))


def transposed(magnitudes: Float, shift: int) -> Float:
    """Return (frames, bands) magnitudes shifted up by `shift` bands; the outermost band is repeated."""
    bands = magnitudes.shape[1]
    return magnitudes[:, np.clip(np.arange(bands) - shift, 0, bands - 1)] if shift else magnitudes


def draw_gains(bands: int, settings: CropSettings, rng: Generator) -> Float:
    """Return a random gain for each band, (bands,): equaliser, attenuated bass or treble, masked bands."""
    gains = np.full(bands, 1.0, np.float32) * decibels(_smooth_curve(bands, rng) * settings.equaliser_db)
    if rng.random() < settings.bass_cut_probability:
        gains[: rng.integers(4, settings.bass_bands + 1)] *= decibels(-rng.uniform(15, 40))
    if settings.treble_cut_probability > 0 and rng.random() < settings.treble_cut_probability:
        gains[-rng.integers(4, settings.treble_bands + 1) :] *= decibels(-rng.uniform(15, 40))
    if rng.random() < settings.band_mask_probability:
        width = min(int(rng.integers(1, settings.band_mask_bands + 1)), bands)
        first = int(rng.integers(0, bands - width + 1))
        gains[first : first + width] = 0.0
    return gains


def mask_time(magnitudes: Float, settings: CropSettings, rng: Generator) -> Float:
    """Return (frames, bands) magnitudes in which, at random, a range of frames is silenced."""
    if rng.random() >= settings.time_mask_probability:
        return magnitudes
    frames = len(magnitudes)
    width = min(int(rng.integers(5, settings.time_mask_frames + 1)), frames)
    first = int(rng.integers(0, frames - width + 1))
    masked: Float = magnitudes.copy()
    masked[first : first + width] = 0.0
    return masked


def over_level(magnitudes: Float) -> Float:
    """Return magnitudes divided by their level; silence stays silence."""
    crop_level = recording_level(magnitudes)
    return magnitudes / np.float32(crop_level) if crop_level > 0 else magnitudes


def decibels(gain: float | NDArray[np.float64]) -> Float:
    """Return the factor for a gain in dB."""
    return np.asarray(10.0 ** (np.asarray(gain) / 20.0), dtype=np.float32)


def _smooth_curve(bands: int, rng: Generator) -> NDArray[np.float64]:
    """Return a random curve over the bands, a tilt and a bump, of about unit size."""
    position = np.linspace(-1.0, 1.0, bands)
    bump = np.exp(-(((position - rng.uniform(-1, 1)) / rng.uniform(0.1, 0.5)) ** 2))
    return rng.normal() * position + rng.normal() * bump
