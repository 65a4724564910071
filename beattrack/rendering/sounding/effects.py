"""Random chains of effects, such as reverb, equalisers, tape and codecs. None of them moves onsets.

Most effects are from Spotify's pedalboard; all of them delay by less than a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import MissingExtraError
from beattrack.rendering.settings import SAMPLE_RATE, EffectSettings

Float32 = NDArray[np.float32]

PEAK = 0.9  # peak of a finished recording, relative to full scale


def require_pedalboard() -> Any:
    """Return the module pedalboard.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import pedalboard
    except ImportError as error:
        raise MissingExtraError("pedalboard", "render", "rendering music") from error
    return pedalboard


def colour(samples: Float32, rng: np.random.Generator, role: str) -> Float32:
    """Apply random effects to a group of instruments before the mix.

    Args:
        samples: sound of the group, shape (samples,).
        rng: generator of random numbers.
        role: `drums`, `bass`, `parts` or `voice`.

    Returns:
        Sound of the same shape.
    """
    board = require_pedalboard()
    chain: list[Any] = []
    if role == "drums":
        chain += _sometimes(
            rng, 0.4, lambda: board.Compressor(rng.uniform(-28, -14), rng.uniform(2, 8), 2, 80)
        )
        chain += _sometimes(rng, 0.08, lambda: board.Distortion(rng.uniform(2, 12)))
    if role == "bass":
        chain += _sometimes(rng, 0.15, lambda: board.Distortion(rng.uniform(3, 15)))
        chain += _sometimes(rng, 0.3, lambda: board.LowpassFilter(rng.uniform(500, 3000)))
    if role == "parts":
        chain += _sometimes(rng, 0.12, lambda: board.Distortion(rng.uniform(8, 28)))
        chain += _sometimes(rng, 0.15, lambda: board.Chorus(rate_hz=rng.uniform(0.3, 2), mix=0.4))
        chain += _sometimes(rng, 0.3, lambda: board.HighpassFilter(rng.uniform(80, 250)))
    if role == "voice":
        chain += _sometimes(rng, 0.5, lambda: board.Compressor(rng.uniform(-30, -15), 4, 5, 120))
        chain += _sometimes(
            rng, 0.3, lambda: board.Delay(rng.uniform(0.15, 0.5), 0.2, rng.uniform(0.08, 0.2))
        )
    chain += _sometimes(rng, 0.4, lambda: _reverb(board, rng, 0.3))
    return _through(board, chain, samples)


def master(
    samples: Float32, rng: np.random.Generator, settings: EffectSettings
) -> tuple[Float32, tuple[str, ...]]:
    """Apply random effects to the mix.

    Args:
        samples: the mix, shape (samples,).
        rng: generator of random numbers.
        settings: probability of each effect.

    Returns:
        The mix with a random peak of at most PEAK, shape (samples,), and the names of its effects.
    """
    board = require_pedalboard()
    chain = _master_chain(board, rng, settings)
    names = [type(effect).__name__ for effect in chain]
    sound = _peak(_through(board, chain, _peak(samples, 0.7)), 1.0)
    for name, share, effect in (
        ("Tape", settings.tape, _taped),
        ("Vinyl", settings.vinyl, _from_vinyl),
        ("Noise", settings.noise, _with_noise),
        ("Crackle", settings.crackle, _with_crackle),
        ("Limiter", settings.limiter, _limited),
        ("Clipping", settings.clipping, _clipped),
        ("Narrow band", settings.narrow, _narrowed),
        ("Codec", settings.codec, _coded),
        ("Fade", settings.fade, _faded),
    ):
        if rng.random() < share:
            sound = effect(sound, rng)
            names.append(name)
    return _peak(sound, PEAK * 10 ** (-rng.uniform(0, 9) / 20)), tuple(names)


def _master_chain(board: Any, rng: np.random.Generator, settings: EffectSettings) -> list[Any]:
    chain: list[Any] = []
    if rng.random() < settings.equaliser:
        chain.append(board.LowShelfFilter(rng.uniform(60, 250), rng.uniform(-6, 6)))
        chain.append(board.HighShelfFilter(rng.uniform(2500, 8000), rng.uniform(-9, 6)))
        chain.append(board.PeakFilter(rng.uniform(300, 3000), rng.uniform(-6, 6), rng.uniform(0.5, 2)))
    chain += _sometimes(rng, settings.distortion, lambda: board.Distortion(rng.uniform(1, 10)))
    chain += _sometimes(
        rng,
        settings.compressor,
        lambda: board.Compressor(
            rng.uniform(-34, -16), rng.uniform(2, 8), rng.uniform(1, 20), rng.uniform(50, 300)
        ),
    )
    chain += _sometimes(rng, settings.reverb, lambda: _reverb(board, rng, 0.45))
    chain += _sometimes(rng, settings.lowpass, lambda: board.LowpassFilter(rng.uniform(3000, 8000)))
    chain += _sometimes(rng, settings.highpass, lambda: board.HighpassFilter(rng.uniform(60, 250)))
    return chain


def _sometimes(rng: np.random.Generator, share: float, make: Callable[[], Any]) -> list[Any]:
    return [make()] if rng.random() < share else []


def _reverb(board: Any, rng: np.random.Generator, wettest: float) -> Any:
    return board.Reverb(
        room_size=rng.uniform(0.05, 0.85),
        damping=rng.uniform(0.1, 0.9),
        wet_level=rng.uniform(0.03, wettest),
        dry_level=0.8,
    )


def _through(board: Any, chain: list[Any], samples: Float32) -> Float32:
    if not chain:
        return samples
    return np.asarray(board.Pedalboard(chain)(samples, SAMPLE_RATE), np.float32)[: len(samples)]


def _peak(samples: Float32, peak: float) -> Float32:
    loudest = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(peak / loudest) if loudest > 1e-9 else samples


def _with_noise(samples: Float32, rng: np.random.Generator) -> Float32:
    """Add white, pinkish or low noise, or hum."""
    noise = rng.standard_normal(len(samples)).astype(np.float32)
    kind = int(rng.integers(4))
    if kind in (1, 2):
        board = require_pedalboard()
        noise = _through(board, [board.LowpassFilter((1500, 300)[kind - 1]) for _ in range(kind)], noise)
    if kind == 3:
        mains = rng.choice([50.0, 60.0]) * np.arange(1, 6)[:, None]
        hum = np.sin(2 * np.pi * mains * np.arange(len(samples)) / SAMPLE_RATE) / np.arange(1, 6)[:, None]
        noise = 0.1 * noise + hum.sum(axis=0).astype(np.float32)
    return np.asarray(samples + _peak(noise, 1.0) * np.float32(10 ** rng.uniform(-2.8, -1.3)))


def _with_crackle(samples: Float32, rng: np.random.Generator) -> Float32:
    """Add the clicks of a worn record."""
    count = int(rng.uniform(2, 12) * len(samples) / SAMPLE_RATE)
    clicks = np.zeros(len(samples), np.float32)
    clicks[rng.integers(0, len(samples), count)] = rng.exponential(1.0, count) * rng.choice([-1, 1], count)
    clicks = np.convolve(clicks, np.array([1.0, 0.6, -0.4, 0.2], np.float32))[: len(samples)]
    hiss = rng.standard_normal(len(samples)).astype(np.float32) * np.float32(0.003)
    return np.asarray(samples + hiss + clicks * np.float32(rng.uniform(0.02, 0.08)))


def _taped(samples: Float32, rng: np.random.Generator) -> Float32:
    """Imitate tape: saturation, less treble, hiss, wow and flutter."""
    drive = rng.uniform(1.0, 3.0)
    saturated = np.tanh(drive * _peak(samples, 1.0)) / np.tanh(drive)
    times = np.arange(len(samples)) / SAMPLE_RATE
    wavering = np.zeros(len(samples))  # seconds
    for low, high, largest in ((0.5, 1.5, 5e-4), (4.0, 9.0, 1e-4)):  # wow and flutter
        phase = rng.uniform(0, 2 * np.pi)
        wavering += rng.uniform(0, largest) * np.sin(2 * np.pi * rng.uniform(low, high) * times + phase)
    wavered = np.interp(times + wavering, times, saturated).astype(np.float32)
    hiss = rng.standard_normal(len(samples)).astype(np.float32) * np.float32(10 ** rng.uniform(-3.5, -2.2))
    board = require_pedalboard()
    return _through(board, [board.LowpassFilter(rng.uniform(4000, 9000))], wavered + hiss)


def _from_vinyl(samples: Float32, rng: np.random.Generator) -> Float32:
    """Imitate an old record: a narrow band, rumble and crackle."""
    board = require_pedalboard()
    lowest, highest = rng.uniform(60, 250), rng.uniform(3000, 6500)
    chain = [board.HighpassFilter(lowest), board.HighpassFilter(lowest), board.LowpassFilter(highest)]
    rumble = rng.standard_normal(len(samples)).astype(np.float32)
    rumble = _peak(_through(board, [board.LowpassFilter(40.0), board.LowpassFilter(40.0)], rumble), 1.0)
    worn = _with_crackle(_peak(samples, 1.0), rng) + rumble * np.float32(10 ** rng.uniform(-2.3, -1.3))
    return _through(board, [*chain, board.LowpassFilter(highest)], worn)


def _narrowed(samples: Float32, rng: np.random.Generator) -> Float32:
    """Apply a steep linear-phase low-pass at 2.8 to 8 kHz, as from digitising at a low sample rate."""
    cutoff = float(np.exp(rng.uniform(np.log(2800), np.log(8000))))
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    spectrum *= np.clip((1.1 * cutoff - frequencies) / (0.1 * cutoff), 0.0, 1.0)
    return np.asarray(np.fft.irfft(spectrum, len(samples)), np.float32)


def _limited(samples: Float32, rng: np.random.Generator) -> Float32:
    board = require_pedalboard()
    return _through(
        board,
        [board.Gain(rng.uniform(4, 15)), board.Limiter(-1.0, rng.uniform(40, 200))],
        _peak(samples, 1.0),
    )


def _clipped(samples: Float32, rng: np.random.Generator) -> Float32:
    return np.clip(_peak(samples, rng.uniform(1.3, 3.0)), -1.0, 1.0)


def _faded(samples: Float32, rng: np.random.Generator) -> Float32:
    """Fade in over a few seconds, or out over more."""
    if rng.random() < 0.4:
        length = min(round(rng.uniform(1, 4) * SAMPLE_RATE), len(samples))
        ramp, place = np.linspace(0.03, 1, length, dtype=np.float32), slice(0, length)
    else:
        length = min(round(rng.uniform(3, 9) * SAMPLE_RATE), len(samples))
        ramp, place = np.linspace(1, 0.03, length, dtype=np.float32), slice(len(samples) - length, None)
    faded = samples.copy()
    faded[place] *= ramp
    return np.asarray(faded)


def _coded(samples: Float32, rng: np.random.Generator) -> Float32:
    """Encode and decode with a lossy codec: mostly MP3, sometimes GSM."""
    board = require_pedalboard()
    telephone = rng.random() < 0.12
    codec = board.GSMFullRateCompressor() if telephone else board.MP3Compressor(rng.uniform(4.0, 9.8))
    return _through(board, [codec], _peak(samples, 0.8))
