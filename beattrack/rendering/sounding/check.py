"""Whether a finished recording can be trusted: its onsets lie on its beats, and it sounds."""

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
SEARCHED = 0.12  # seconds to each side of the beats
STEP = 0.0025
# A centred window shows an attack half a window before its time: where the flux of a click peaks, seconds.
FLUX_PEAK = -0.0125


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was measured, and `failure`, why the recording is of no use, if it is.

    lag: seconds from the beats to the onsets around them, positive where these are late. ratio: onset
    strength on the beats relative to the mean. level: root mean square, decibels below full scale.
    active: share of seconds within 40 dB of the loudest.
    """

    lag: float
    ratio: float
    level: float
    active: float
    failure: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give the measures, rounded."""
        return {
            "lag_ms": round(1000 * self.lag, 1),
            "ratio": round(self.ratio, 2),
            "level_db": round(self.level, 1),
            "active": round(self.active, 2),
        }


def check(samples: Float32, beats: Floats, settings: CheckSettings, *, plain: bool = False) -> Check:
    """Measure a recording, (samples,) at SAMPLE_RATE, against its beats in seconds.

    plain: it is of few sounds, and may be as quiet and as silent as a metronome.
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
        failure = "silent for long"
    elif ratio < settings.ratio:
        failure = "no onsets on the beats"
    elif abs(lag) > settings.lag:
        failure = "onsets beside the beats"
    return Check(lag=lag, ratio=ratio, level=level, active=active, failure=failure)


def spectral_flux(samples: Float32) -> Floats:
    """Give the summed rises of the logarithmic spectrogram: (frames,), Böck et al., ISMIR 2012."""
    compressed = np.log1p(1000 * _spectrogram()(samples))
    flux = np.maximum(np.diff(compressed, axis=0, prepend=compressed[:1]), 0).sum(axis=1)
    return np.asarray(flux, np.float64)


def alignment(flux: Floats, beats: Floats) -> tuple[float, float]:
    """Give the lag in seconds at which the mean flux around the beats peaks, and its ratio to the mean."""
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
