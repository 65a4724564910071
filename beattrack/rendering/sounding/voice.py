"""A singing voice: harmonics with moving formants, vibrato, glides, breath and free timing.

Vocal onsets are soft and often off the beat. A tracker trained without voices takes them for drums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.piece import OFFSET, ONSET, PITCH, Floats, Piece, notes_array
from beattrack.rendering.settings import SAMPLE_RATE

Float32 = NDArray[np.float32]

CONTROL = 147  # samples per control step: 150 steps per second
HIGHEST = 4500.0  # Hz, limit of the harmonics
INAUDIBLE = 1e-3

# First three formants of a, e, i, o, u in Hz, for men, from Peterson and Barney, "Control Methods Used in a
# Study of the Vowels", JASA 24 (1952). They are scaled for other voices.
_FORMANTS = np.array(
    [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]], float
)
_WIDTHS = np.array([80.0, 100.0, 140.0])  # Hz
_LEVELS = np.array([1.0, 0.5, 0.25])


def free_melody(piece: Piece, rng: np.random.Generator) -> Floats:
    """Return a random melody, (notes, 4), of phrases and rests, with pitches that fit the other notes."""
    chords = np.concatenate([part.notes for part in piece.parts if not part.drums] or [np.empty((0, 4))])
    rows: list[tuple[float, float, float, float]] = []
    time, pitch = float(piece.beats[0]), rng.uniform(55, 70)
    last = float(piece.beats[-1])
    while len(chords) and time < last:
        phrase_end = time + rng.uniform(1.5, 4.5)
        while time < min(phrase_end, last):
            seconds = float(rng.choice([0.16, 0.25, 0.35, 0.5, 0.9]) * rng.uniform(0.8, 1.2))
            sounding = chords[(chords[:, ONSET] <= time + 0.05) & (chords[:, OFFSET] > time)]
            if len(sounding):
                pitch = _near(sounding[:, PITCH], pitch + rng.normal(0, 3), rng)
                rows.append((time, time + 0.95 * seconds, pitch, rng.uniform(60, 110)))
            time += seconds
        time += rng.uniform(0.4, 2.5)
    return notes_array(rows)


def freed(notes: Floats, rng: np.random.Generator) -> Floats:
    """Return notes, (notes, 4), at random times some hundredths of a second off, mostly late, as if sung."""
    moved = notes.copy()
    moved[:, :2] += rng.normal(0.015, 0.03, len(notes))[:, None]
    return notes_array(moved)


def _near(pitches: Floats, wanted: float, rng: np.random.Generator) -> float:
    """Return a pitch near `wanted` of the pitch classes of `pitches`, sometimes a step off."""
    wanted = float(np.clip(wanted, 52, 76))
    classes = np.unique(pitches % 12)
    candidates = (classes[:, None] + 12 * np.arange(3, 8)).ravel()
    nearest = float(candidates[np.argmin(np.abs(candidates - wanted))])
    return nearest + (float(rng.choice([-2, 2])) if rng.random() < 0.2 else 0.0)


def sing(notes: Floats, rng: np.random.Generator, *, samples: int) -> Float32:
    """Compute the sound of a voice. If notes overlap, only the later one is sung.

    Args:
        notes: notes to sing, shape (notes, 4).
        rng: generator of random numbers.
        samples: number of samples to return.

    Returns:
        Samples of shape (samples,) at SAMPLE_RATE.
    """
    steps = samples // CONTROL + 2
    pitch, level, vowel, starts = _controls(notes, rng, steps)
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    grid = np.arange(steps) * CONTROL
    at = np.arange(samples)
    phase = 2 * np.pi * np.cumsum(np.interp(at, grid, frequency)) / SAMPLE_RATE
    envelope = np.interp(at, grid, level)
    audible = np.flatnonzero(envelope > INAUDIBLE)
    sound = rng.standard_normal(samples) * envelope * rng.uniform(0.0, 0.01)  # breath
    sound[audible] += _harmonics(audible, phase[audible], frequency, vowel, rng) * envelope[audible]
    return (sound + _consonants(starts, rng, samples)).astype(np.float32)


def _controls(
    notes: Floats, rng: np.random.Generator, steps: int
) -> tuple[Floats, Floats, NDArray[np.int64], list[float]]:
    """Return pitch, level and vowel at each control step, and the onsets of notes."""
    rate = SAMPLE_RATE / CONTROL
    pitch, level = np.full(steps, np.nan), np.zeros(steps)
    vowel = np.zeros(steps, np.int64)
    for onset, offset, key, velocity in notes.tolist():
        first, last = max(round(onset * rate), 0), min(round(offset * rate), steps)
        if last > first:
            pitch[first:last], level[first:last] = key, (velocity / 127) ** 1.2
            level[max(first - 2, 0) : first] *= 0.3  # a new syllable
            vowel[first:last] = rng.integers(len(_FORMANTS))
    known = np.flatnonzero(~np.isnan(pitch))
    pitch = np.interp(np.arange(steps), known, pitch[known]) if len(known) else np.full(steps, 60.0)
    pitch = _smooth(pitch, rng.uniform(0.015, 0.06) * rate)
    t = np.arange(steps) / rate
    vibrato = rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * rng.uniform(4.8, 6.5) * t)
    waver = _smooth(rng.normal(0, 0.5, steps), 0.05 * rate)
    level = _smooth(level, rng.uniform(0.012, 0.035) * rate)
    return pitch + vibrato * np.minimum(level * 2, 1) + waver, level, vowel, notes[:, ONSET].tolist()


def _smooth(values: Floats, steps: float) -> Floats:
    """Convolve with a Hann window of about `steps` steps on both sides."""
    size = 2 * max(round(steps), 1) + 1
    window = np.hanning(size + 2)[1:-1]
    padded = np.pad(values, size // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")


def _harmonics(
    at: NDArray[np.int64],
    phase: Floats,
    frequency: Floats,
    vowel: NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    """Compute a saw filtered by the formants, at the samples `at` with the phases `phase`.

    sin(k * x) follows from sin((k - 1) * x) and sin((k - 2) * x), so sine and cosine are computed only once.
    """
    formants = _FORMANTS[vowel] * rng.uniform(0.95, 1.25)  # (steps, 3)
    formants = np.stack([_smooth(formants[:, n], 4) for n in range(3)], axis=1)
    step, part = np.divmod(at, CONTROL)
    part = part / CONTROL
    double_cosine, before, now = 2 * np.cos(phase), np.zeros(len(phase)), np.sin(phase)
    total = np.zeros(len(phase))
    for k in range(1, int(HIGHEST / max(float(np.percentile(frequency, 20)), 60.0)) + 1):
        place = k * frequency[:, None]
        response = (_LEVELS / (1 + ((place - formants) / (_WIDTHS + 0.05 * place)) ** 2)).sum(axis=1)
        response = np.where(place[:, 0] < 0.45 * SAMPLE_RATE, response / k**0.6, 0.0)
        total += now * (response[step] + part * np.diff(response)[step])
        before, now = now, double_cosine * now - before
    return total


def _consonants(starts: list[float], rng: np.random.Generator, samples: int) -> Floats:
    """Return bursts of hiss before about half of the notes."""
    sound = np.zeros(samples)
    strength = rng.uniform(0.02, 0.12)
    for start in starts:
        length = round(rng.uniform(0.02, 0.09) * SAMPLE_RATE)
        first = round(start * SAMPLE_RATE) - length
        if rng.random() < 0.5 and first >= 0 and first + length <= samples:
            hiss = np.diff(rng.standard_normal(length + 1)) * np.hanning(length)
            sound[first : first + length] += strength * hiss
    return sound
