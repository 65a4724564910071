"""Synthesiser sounds: two detuned wavetable oscillators that fade from bright to dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.piece import OFFSET, ONSET, Floats
from beattrack.rendering.settings import SAMPLE_RATE

Float32 = NDArray[np.float32]
Role = Literal["bass", "pluck", "pad"]

TABLE = 2048  # samples in a cycle


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A sound.

    Attributes:
        odd: attenuation of the even harmonics, from 0 (saw) to 1 (square).
        slope: exponent of the decrease of the harmonics.
        bright: cut-off at the start of a note, as a multiple of its pitch.
        dark: cut-off at the end, as a multiple of the pitch.
        fall: time constant from bright to dark in seconds.
        attack: attack time in seconds.
        decay: decay time in seconds.
        sustain: sustain level, relative to the peak.
        release: release time in seconds.
        detune: difference between the two oscillators in cents.
    """

    odd: float
    slope: float
    bright: float
    dark: float
    fall: float
    attack: float
    decay: float
    sustain: float
    release: float
    detune: float


def random_patch(role: Role, rng: np.random.Generator) -> Patch:
    """Return a random sound for a role."""
    pad = role == "pad"
    return Patch(
        odd=float(rng.choice([0.0, 0.5, 1.0])),
        slope=rng.uniform(0.9, 1.6),
        bright=rng.uniform(4, 40) if not pad else rng.uniform(3, 12),
        dark=rng.uniform(1.5, 6),
        fall=rng.uniform(0.03, 0.4),
        attack=rng.uniform(0.03, 0.15) if pad else rng.uniform(0.001, 0.005),
        decay=rng.uniform(0.08, 0.6),
        sustain=rng.uniform(0.6, 1.0) if role != "pluck" else rng.uniform(0.0, 0.6),
        release=rng.uniform(0.2, 0.6) if pad else rng.uniform(0.02, 0.15),
        detune=rng.uniform(0, 8) if role == "bass" else rng.uniform(0, 25),
    )


def play(notes: Floats, patch: Patch, *, samples: int) -> Float32:
    """Compute the sound of notes.

    Args:
        notes: notes as in `Part`, shape (notes, 4).
        patch: sound to use.
        samples: number of samples to return.

    Returns:
        Samples of shape (samples,) at SAMPLE_RATE.
    """
    longest = float(np.max(notes[:, OFFSET] - notes[:, ONSET], initial=0.0)) + patch.release
    mix = np.zeros(samples + round((longest + 0.1) * SAMPLE_RATE), np.float32)
    tables: dict[int, tuple[Float32, Float32]] = {}
    for onset, offset, pitch, velocity in notes.tolist():
        start = round(onset * SAMPLE_RATE)
        if not 0 <= start < samples:
            continue
        frequency = 440.0 * 2 ** ((pitch - 69) / 12)
        if int(pitch) not in tables:
            tables[int(pitch)] = _tables(frequency, patch)
        sound = _note(frequency, offset - onset, tables[int(pitch)], patch)
        mix[start : start + len(sound)] += sound * np.float32((velocity / 127) ** 1.3)
    return np.asarray(mix[:samples])


def _note(frequency: float, seconds: float, tables: tuple[Float32, Float32], patch: Patch) -> Float32:
    t = np.arange(round((seconds + patch.release) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    bright, dark = tables
    shine = np.exp(-t / np.float32(patch.fall))
    sound = np.zeros(len(t), np.float32)
    for sign, phase in ((1, 0.0), (-1, 0.37)):
        detuned = frequency * 2 ** (sign * patch.detune / 2400)
        place = ((t * detuned + phase) * TABLE).astype(np.int64) % TABLE
        sound += dark[place] + shine * (bright[place] - dark[place])
    envelope = patch.sustain + (1 - patch.sustain) * np.exp(-t / np.float32(patch.decay))
    envelope *= np.minimum(t / np.float32(patch.attack), 1)
    envelope *= np.clip((np.float32(seconds + patch.release) - t) / np.float32(patch.release), 0, 1)
    return np.asarray(sound * envelope, np.float32)


def _tables(frequency: float, patch: Patch) -> tuple[Float32, Float32]:
    """Return a bright and a dark cycle, without harmonics above half the sample rate."""
    count = max(int(0.45 * SAMPLE_RATE / frequency), 1)
    k = np.arange(1, min(count, TABLE // 2 - 1) + 1)
    level = np.asarray(k**-patch.slope * np.where(k % 2 == 0, 1 - patch.odd, 1.0), np.float64)
    return _cycle(level, k, patch.bright), _cycle(level, k, patch.dark)


def _cycle(level: NDArray[np.float64], k: NDArray[np.int64], cutoff: float) -> Float32:
    spectrum = np.zeros(TABLE // 2 + 1, complex)
    spectrum[k] = -1j * level / (1 + (k / cutoff) ** 4)
    cycle = np.fft.irfft(spectrum, TABLE)
    return (cycle / max(float(np.sqrt(np.mean(cycle**2))), 1e-9) * 0.3).astype(np.float32)
