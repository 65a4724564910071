"""The corpus of the WaveNet experiment: drums and plucked tones at one tempo, and simple models of it.

Samples become classes by the mu-law of telephony (ITU-T G.711), whose steps are fine at low levels and coarse
at high ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Classes = NDArray[np.uint8]

SAMPLE_RATE = 8000  # Hz
BPM = 120.0
BEATS_PER_BAR = 4
CLASSES = 256
SILENCE = CLASSES // 2  # class of the sample 0

MU = CLASSES - 1
CHORDS = (0, 5, 7, -3)  # roots in semitones above 110 Hz: I IV V vi
NOISE_FLOOR = 0.00025  # standard deviation, about -72 dB
GAIN = 0.5


@dataclass(frozen=True)
class Corpus:
    """Music as mu-law classes.

    Attributes:
        training: pieces, shape (pieces, samples).
        held_out: other pieces from the same source.
    """

    training: Classes
    held_out: Classes


def make_corpus(*, pieces: int, held_out: int, bars: int, seed: int) -> Corpus:
    """Compose and synthesise music.

    Args:
        pieces: number of pieces for training.
        held_out: number of pieces for evaluation.
        bars: bars of each piece.
        seed: seed of all random choices; piece by piece, so more pieces begin with the same ones.
    """
    music = [
        mu_law(piece(np.random.default_rng([seed, part, number]), bars))
        for part, count in enumerate((pieces, held_out))
        for number in range(count)
    ]
    return Corpus(np.stack(music[:pieces]), np.stack(music[pieces:]))


def piece(rng: np.random.Generator, bars: int) -> Float:
    """Compute a piece: kick on 1 and 3, snare on 2 and 4, hats on eighths, and a bass.

    The bass plays the root of the chord with the kick and the octave above with the snare.

    Args:
        rng: source of the chords, the loudness of each note and the noise in drums.
        bars: number of bars.

    Returns:
        Samples within -1..1, shape (samples,). The first beat is at 0 s.
    """
    beat = SAMPLE_RATE * 60 / BPM  # samples
    mix = np.zeros(round(bars * BEATS_PER_BAR * beat))
    for bar in range(bars):
        root = int(rng.choice(CHORDS))
        for position in range(BEATS_PER_BAR):
            start = (bar * BEATS_PER_BAR + position) * beat
            off_beat = position % 2
            _add(mix, _snare(rng) if off_beat else _kick(), start, rng)
            _add(mix, _pluck(root + 12 * off_beat), start, rng)
            for eighth in range(2):
                _add(mix, _hat(rng), start + eighth * beat / 2, rng)
    mix = GAIN * mix + NOISE_FLOOR * rng.standard_normal(len(mix))
    return np.asarray(mix.clip(-1, 1))


def mu_law(samples: Float) -> Classes:
    """Return the mu-law classes, 0 to 255, of samples within -1..1."""
    compressed = np.sign(samples) * np.log1p(MU * np.abs(samples)) / np.log1p(MU)
    return np.asarray(np.clip(np.rint(SILENCE + compressed * (SILENCE - 1)), 0, MU), np.uint8)


def expand(classes: NDArray[np.integer]) -> Float:
    """Return the samples, within -1..1, of mu-law classes: the inverse of `mu_law` up to its steps."""
    compressed = (np.asarray(classes, float) - SILENCE) / (SILENCE - 1)
    return np.asarray((np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(MU)) / MU).clip(-1, 1))


def unigram_bits(corpus: Corpus) -> float:
    """Compute the cost of held-out samples if each class has the share that it has in training.

    Returns:
        Bits per sample, without the first one of each piece, so that models with a past can be compared.
    """
    counts = 1.0 + np.bincount(corpus.training.ravel(), minlength=CLASSES)
    return float(-np.log2(counts / counts.sum())[corpus.held_out[:, 1:]].mean())


def first_order_bits(corpus: Corpus) -> float:
    """Compute the cost of held-out samples if each one depends on the sample before it alone.

    Unseen pairs are smoothed towards the shares of single classes.

    Returns:
        Bits per sample, without the first one of each piece.
    """
    single = 1.0 + np.bincount(corpus.training.ravel(), minlength=CLASSES)
    pairs = np.zeros((CLASSES, CLASSES))  # (class before, class)
    np.add.at(pairs, (corpus.training[:, :-1].ravel(), corpus.training[:, 1:].ravel()), 1.0)
    smoothed = pairs + 4.0 * single / single.sum()
    shares = smoothed / smoothed.sum(axis=1, keepdims=True)
    return float(-np.log2(shares[corpus.held_out[:, :-1], corpus.held_out[:, 1:]]).mean())


def _add(mix: Float, sound: Float, start: float, rng: np.random.Generator) -> None:
    """Add a sound at a sample, at a random loudness."""
    room = mix[round(start) : round(start) + len(sound)]
    room += rng.uniform(0.9, 1.0) * sound[: len(room)]


def _seconds(duration: float) -> Float:
    return np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE


def _kick() -> Float:
    t = _seconds(0.25)
    cycles = 50 * t + 110 * 0.03 * (1 - np.exp(-t / 0.03))  # from 160 to 50 Hz
    return np.asarray(0.9 * np.sin(2 * np.pi * cycles) * np.exp(-t / 0.06))


def _snare(rng: np.random.Generator) -> Float:
    t = _seconds(0.15)
    noise = 0.2 * rng.standard_normal(len(t)) * np.exp(-t / 0.02)
    return np.asarray(noise + 0.5 * np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.04))


def _hat(rng: np.random.Generator) -> Float:
    t = _seconds(0.03)
    return np.asarray(0.12 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.006))


def _pluck(semitones: int) -> Float:
    """Return a note shorter than a beat, `semitones` above 110 Hz."""
    duration = 0.42
    t = _seconds(duration)
    pitch = 110 * 2 ** (semitones / 12)
    waves = sum(np.sin(2 * np.pi * n * pitch * t) / n for n in range(1, 4))
    fade = np.minimum((duration - t) / 0.02, 1)
    return np.asarray(0.3 * waves * fade * np.minimum(t / 0.003, 1) * np.exp(-4 * t))
