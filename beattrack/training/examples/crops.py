"""Random training crops from quantised songs, augmented in the spectrogram domain.

The tempo is changed by resampling frames, and the pitch by shifting bands (one band is a semitone), so no
audio is needed. All random numbers come from the generator passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from beattrack.datasets.songs import HARMONY_RATIO, Levels, Quantisation, Song
from beattrack.training.examples.crop_settings import CropSettings
from beattrack.training.examples.metrical_level import choose_level
from beattrack.training.examples.targets import Targets, make_targets
from beattrack.training.examples.variation import (
    decibels,
    draw_shift,
    over_level,
    vary_harmony,
    vary_spectrum,
)

Float = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A training example.

    Attributes:
        spectrogram: magnitudes divided by their level, shape (frames, bands).
        targets: targets of the heads.
        harmony: harmony view divided by its level, shape (slow frames, bands); None if there is none.
    """

    spectrogram: Float
    targets: Targets
    harmony: Float | None = None


def draw_crop(song: Song, settings: CropSettings, rng: Generator) -> Crop:
    """Return a random augmented crop of `settings.frames` frames."""
    song, unjudged = choose_level(song, settings.level, rng)
    if song.metre == 4 and rng.random() < settings.metre_probability:
        song = in_three(song, dropped=int(rng.integers(2, 5)))
    factor = draw_tempo_factor(song.bpm, settings, rng, felt=song.felt)
    start = rng.uniform(0, max(len(song.levels) - settings.frames * factor, 0))
    shift = draw_shift(settings, rng)
    magnitudes = resample(song.levels, song.quantisation, start, factor, settings.frames, rng)
    magnitudes = vary_spectrum(magnitudes, shift, settings, rng)
    return Crop(
        spectrogram=over_level(magnitudes) * decibels(rng.normal(0.0, settings.gain_db)),
        harmony=_draw_harmony(song, start, factor, shift, settings, rng),
        targets=make_targets(
            beats=(song.beats * song.fps - start) / factor,
            positions=song.positions,
            trust=song.downbeats,
            frames=settings.frames,
            fps=song.fps,
            unjudged=None if unjudged is None else (unjudged * song.fps - start) / factor,
        ),
    )


def in_three(song: Song, *, dropped: int) -> Song:
    """Return a song without the beat at position `dropped` of each bar; the remaining parts are joined."""
    beats, positions = song.beats, song.positions
    cut = np.flatnonzero(positions[:-1] == dropped)
    starts = np.round(beats[cut] * song.fps).astype(np.int64)
    stops = np.round(beats[cut + 1] * song.fps).astype(np.int64)
    kept = np.ones(len(song.levels), bool)
    for start, stop in zip(starts, stops, strict=True):
        kept[start:stop] = False
    removed = np.concatenate([[0], np.cumsum(stops - starts)]) / song.fps
    stay = np.flatnonzero(positions != dropped)
    return replace(
        song,
        levels=song.levels[kept],
        harmony=None if song.harmony is None else _slow_frames(song.harmony, kept),
        beats=beats[stay] - removed[np.searchsorted(cut, stay)],
        positions=np.where(positions[stay] > dropped, positions[stay] - 1, positions[stay]),
    )


def _slow_frames(harmony: Levels, kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the frames of a harmony view that are nearest to the `kept` frames of the spectrogram."""
    left = np.flatnonzero(kept)[::HARMONY_RATIO]
    nearest = np.minimum((left + HARMONY_RATIO // 2) // HARMONY_RATIO, len(harmony) - 1)
    return np.asarray(harmony[nearest], np.uint8)


def draw_tempo_factor(bpm: float, settings: CropSettings, rng: Generator, *, felt: bool) -> float:
    """Return a random tempo factor.

    Args:
        bpm: tempo of the song.
        settings: settings of the crop.
        rng: generator of random numbers.
        felt: whether the beats of the song are at the tempo at which listeners tap.

    Returns:
        Factor by which the song is played faster.
    """
    pull = settings.felt_tempo_pull if felt else settings.tempo_pull
    tempo = settings.tempo_bpm * np.exp(rng.normal(0.0, settings.tempo_spread))
    factor = (tempo / bpm) ** pull * np.exp(rng.normal(0.0, settings.tempo_jitter))
    return float(np.clip(factor, *settings.tempo_factor))


def resample(
    levels: Levels,
    quantisation: Quantisation,
    start: float,
    factor: float,
    frames: int,
    rng: Generator,
) -> Float:
    """Compute magnitudes at the times start + factor * t, by linear interpolation between frames.

    Args:
        levels: quantised magnitudes, shape (source frames, bands).
        quantisation: quantisation of `levels`.
        start: first time in frames of `levels`.
        factor: step between two times in frames of `levels`.
        frames: number of times.
        rng: generator of the dither.

    Returns:
        Magnitudes of shape (frames, bands); silence beyond the end.
    """
    times = start + factor * np.arange(frames)
    first = int(start)
    last = min(int(times[-1]) + 2, len(levels))
    chosen = levels[first:last]
    dither = rng.random(chosen.shape, dtype=np.float32) - np.float32(0.5)
    source = quantisation.magnitude(chosen, dither=dither)  # (source frames, bands)
    padded = np.concatenate([source, np.zeros((2, source.shape[1]), np.float32)])
    left = np.minimum((times - first).astype(np.int64), len(source))
    weight = (times - first - left).clip(0, 1).astype(np.float32)[:, None]
    right = np.minimum(left + 1, len(source))
    resampled: Float = padded[left] * (1 - weight) + padded[right] * weight
    return resampled


def _draw_harmony(
    song: Song, start: float, factor: float, shift: int, settings: CropSettings, rng: Generator
) -> Float | None:
    """Return the augmented harmony view of a crop that starts at frame `start` of the spectrogram."""
    if song.harmony is None or rng.random() < settings.harmony_drop:
        return None
    frames = -(-settings.frames // HARMONY_RATIO)
    magnitudes = resample(song.harmony, song.quantisation, start / HARMONY_RATIO, factor, frames, rng)
    return over_level(vary_harmony(magnitudes, shift, settings, rng))
