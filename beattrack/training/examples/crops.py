"""Random training crops from quantised songs, augmented in the spectrogram domain.

Tempo changes by resampling frames, pitch by shifting bands (12 to the octave: one band is one semitone), so
no audio is needed. Everything random comes from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from beattrack.datasets.songs import HARMONY_RATIO, Quantisation, Song
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
    """One training example: both views of the sound, each over its level, and the targets.

    spectrogram: (frames, bands). harmony: (slow frames, bands); None if the crop has no slow view.
    """

    spectrogram: Float
    targets: Targets
    harmony: Float | None = None


def draw_crop(song: Song, settings: CropSettings, rng: Generator) -> Crop:
    """Draw one crop of `settings.frames` frames."""
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
    """The song without the beat at position `dropped` of each of its bars, joined where it is cut."""
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


def _slow_frames(harmony: NDArray[np.uint8], kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The slow view of a song of whose spectrogram the `kept` frames are left: the nearest slow frames."""
    left = np.flatnonzero(kept)[::HARMONY_RATIO]
    nearest = np.minimum((left + HARMONY_RATIO // 2) // HARMONY_RATIO, len(harmony) - 1)
    return np.asarray(harmony[nearest], np.uint8)


def draw_tempo_factor(bpm: float, settings: CropSettings, rng: Generator, *, felt: bool) -> float:
    """Draw how much faster the song is to play, so that tempi come near the log-normal of the settings."""
    pull = settings.felt_tempo_pull if felt else settings.tempo_pull
    tempo = settings.tempo_bpm * np.exp(rng.normal(0.0, settings.tempo_spread))
    factor = (tempo / bpm) ** pull * np.exp(rng.normal(0.0, settings.tempo_jitter))
    return float(np.clip(factor, *settings.tempo_factor))


def resample(
    levels: NDArray[np.uint8],
    quantisation: Quantisation,
    start: float,
    factor: float,
    frames: int,
    rng: Generator,
) -> Float:
    """Magnitudes at start + factor t, (frames, bands), linear between frames; silence past the end."""
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
    """The slow view of the crop that begins at frame `start` of the spectrogram; None if it has none."""
    if song.harmony is None or rng.random() < settings.harmony_drop:
        return None
    frames = -(-settings.frames // HARMONY_RATIO)
    magnitudes = resample(song.harmony, song.quantisation, start / HARMONY_RATIO, factor, frames, rng)
    return over_level(vary_harmony(magnitudes, shift, settings, rng))
