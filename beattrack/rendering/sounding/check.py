"""Checks of a finished recording: its onsets are on its beats, and it is not silent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.settings import SAMPLE_RATE, CheckSettings
from beattrack.spectrogram import Spectrogram, SpectrogramSettings

Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]

SETTINGS = SpectrogramSettings(sample_rate=SAMPLE_RATE)
SEARCHED = 0.12  # seconds before and after the beats
STEP = 0.0025  # seconds
# Seconds from a click to the peak of its flux, which is early because the window is centred on the frame.
FLUX_PEAK = -0.0125


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of a check.

    Attributes:
        lag: delay from beats to onsets in seconds, positive if onsets are late.
        ratio: onset strength on beats, relative to the mean.
        level: RMS level in dB relative to full scale.
        active: share of seconds that are at most 40 dB below the loudest.
        failure: why the recording cannot be used; None if it can.
    """

    lag: float
    ratio: float
    level: float
    active: float
    failure: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the measurements, rounded."""
        return {
            "lag_ms": round(1000 * self.lag, 1),
            "ratio": round(self.ratio, 2),
            "level_db": round(self.level, 1),
            "active": round(self.active, 2),
        }


def check(samples: Float32, beats: Floats, settings: CheckSettings, *, plain: bool = False) -> Check:
    """Check a recording against its beats.

    Args:
        samples: recording at SAMPLE_RATE, shape (samples,).
        beats: beat times in seconds, shape (beats,).
        settings: requirements.
        plain: whether the piece is plain, such as clicks, and may be quieter and more often silent.
    """
    seconds = samples[: len(samples) // SAMPLE_RATE * SAMPLE_RATE].astype(np.float64).reshape(-1, SAMPLE_RATE)
    powers = np.mean(seconds**2, axis=1)
    level = 10 * np.log10(max(float(powers.mean()) if len(powers) else 0.0, 1e-12))
    loudest = max(float(powers.max(initial=0.0)), 1e-12)
    active = float(np.mean(powers > 1e-4 * loudest)) if len(powers) else 0.0
    lag, ratio = alignment(spectral_flux(samples), beats)
    failure = None
    least_level = settings.plain_level if plain else settings.level
    least_active = settings.plain_active if plain else settings.active
    if level < least_level:
        failure = "too quiet"
    elif active < least_active:
        failure = "silent for too long"
    elif ratio < settings.ratio:
        failure = "no onsets on the beats"
    elif abs(lag) > settings.lag:
        failure = "onsets off the beats"
    return Check(lag=lag, ratio=ratio, level=level, active=active, failure=failure)


def spectral_flux(samples: Float32) -> Floats:
    """Compute the spectral flux, the summed rises of the logarithmic spectrogram.

    Args:
        samples: recording at SAMPLE_RATE, shape (samples,).

    Returns:
        Flux of shape (frames,), at SETTINGS.fps frames per second.

    Böck et al., ISMIR 2012.
    """
    compressed = np.log1p(1000 * _spectrogram()(samples))
    flux = np.maximum(np.diff(compressed, axis=0, prepend=compressed[:1]), 0).sum(axis=1)
    return np.asarray(flux, np.float64)


def alignment(flux: Floats, beats: Floats) -> tuple[float, float]:
    """Compute the delay from beats to onsets.

    Args:
        flux: spectral flux, shape (frames,).
        beats: beat times in seconds, shape (beats,).

    Returns:
        Lag in seconds at which the mean flux around the beats peaks, and that peak relative to the mean flux.
    """
    times = np.arange(len(flux)) / SETTINGS.fps
    lags = np.arange(-SEARCHED, SEARCHED + STEP / 2, STEP)
    inside = beats[(beats > SEARCHED) & (beats < len(flux) / SETTINGS.fps - SEARCHED)]
    mean = float(flux.mean()) if len(flux) else 0.0
    if not len(inside) or mean <= 0:
        return 0.0, 0.0
    around = np.interp(inside[:, None] + lags + FLUX_PEAK, times, flux).mean(axis=0)
    best = int(np.argmax(around))
    return float(lags[best]), float(around[best]) / mean


@lru_cache(maxsize=1)
def _spectrogram() -> Spectrogram:
    return Spectrogram(SETTINGS)
