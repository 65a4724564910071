"""Beats that the tests of the evaluation share: annotations, and trackers that err in a known way."""

from __future__ import annotations

import numpy as np

from beattrack.evaluation.score import Item
from beattrack.formats.readers import BeatSequence, beat_sequence


def steady(
    bpm: float = 120.0, seconds: float = 30.0, *, beats_per_bar: int = 4, start: float = 0.3
) -> BeatSequence:
    """Beats of a metronome, the first one a downbeat."""
    times = np.arange(start, seconds, 60 / bpm)
    return beat_sequence(times, np.arange(times.size) % beats_per_bar + 1)


def jittered(beats: BeatSequence, seconds: float, *, shift: float = 0.0, seed: int = 0) -> BeatSequence:
    """The same beats, each moved by `shift` and a normal error of `seconds`."""
    generator = np.random.default_rng(seed)
    return beat_sequence(
        beats.times + shift + generator.normal(0, seconds, beats.times.size), beats.positions
    )


def double(beats: BeatSequence) -> BeatSequence:
    """Twice as many beats."""
    numbers = np.arange(0, beats.times.size - 0.5, 0.5)
    times = np.interp(numbers, np.arange(beats.times.size), beats.times)
    return beat_sequence(times, np.arange(times.size) % 4 + 1)


def half(beats: BeatSequence) -> BeatSequence:
    """Every second beat."""
    times = beats.times[::2]
    return beat_sequence(times, np.arange(times.size) % 4 + 1)


def off_beat(beats: BeatSequence) -> BeatSequence:
    """Beats half way between the beats."""
    return beat_sequence((beats.times[1:] + beats.times[:-1]) / 2, beats.positions[:-1])


def shifted_bars(beats: BeatSequence, by: int, beats_per_bar: int = 4) -> BeatSequence:
    """The same beats with bars that start `by` beats later."""
    return beat_sequence(beats.times, (beats.positions - 1 - by) % beats_per_bar + 1)


def items() -> list[Item]:
    """Eight files of two genres, one for each way to be right or wrong."""
    reference = steady()
    estimates = {
        "exact": reference,
        "jitter": jittered(reference, 0.015),
        "double": double(reference),
        "half": half(reference),
        "off": off_beat(reference),
        "bars": shifted_bars(reference, 2),
        "silent": beat_sequence([], []),
        "late": jittered(reference, 0.005, shift=0.03),
    }
    return [
        Item(name, reference, estimate, "rock" if number % 2 else "jazz")
        for number, (name, estimate) in enumerate(estimates.items())
    ]
