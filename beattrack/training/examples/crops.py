"""Random training crops from quantised songs, augmented in the spectrogram domain.

Tempo changes by resampling frames, pitch by shifting bands (12 to the octave: one band is one semitone), so
no audio is needed. Everything random comes from the generator that is passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from beattrack.datasets.songs import Song
from beattrack.errors import SettingsError
from beattrack.network.input_level import recording_level
from beattrack.training.examples.metrical_level import LevelSettings, choose_level
from beattrack.training.examples.targets import Targets, make_targets

Float = NDArray[np.float32]

_SHARES = (
    "tempo_pull",
    "felt_tempo_pull",
    "pitch_probability",
    "band_mask_probability",
    "time_mask_probability",
    "bass_cut_probability",
    "treble_cut_probability",
    "metre_probability",
    "pulse_free_share",
)
_LEAST = {"frames": 1, "band_mask_bands": 1, "time_mask_frames": 5, "bass_bands": 4, "treble_bands": 4}


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How crops are drawn and varied; a probability, a standard deviation or a range for each effect.

    tempo_bpm, tempo_spread, tempo_pull, tempo_jitter, tempo_factor: a target tempo is drawn from a log-normal
        around tempo_bpm, since charts of rhythm games run faster than listeners tap. The song is resampled by
        (target / own tempo)^tempo_pull, times a log-normal of spread tempo_jitter, within tempo_factor.
    felt_tempo_pull: in place of tempo_pull for songs whose beats are those that listeners tap; with 0, slow
        and fast ones stay what they are.
    level: at which metrical level the beats of charts are learnt.
    metre_probability: a song in fours loses one beat of every bar with this probability, which makes it one
        in threes (after Morais et al., "Skip That Beat", arXiv 2502.12972).
    pulse_free_share: share of the crops that are noise or tones without any beat.
    """

    frames: int = 2000
    tempo_bpm: float = 110.0
    tempo_spread: float = 0.30
    tempo_pull: float = 1.0
    felt_tempo_pull: float = 1.0
    tempo_jitter: float = 0.0
    tempo_factor: tuple[float, float] = (0.55, 1.8)
    pitch_probability: float = 0.5
    pitch_bands: int = 4
    gain_db: float = 4.0
    equaliser_db: float = 4.0
    band_mask_probability: float = 0.3
    band_mask_bands: int = 12
    time_mask_probability: float = 0.2
    time_mask_frames: int = 50
    bass_cut_probability: float = 0.15
    bass_bands: int = 16
    treble_cut_probability: float = 0.0
    treble_bands: int = 32
    level: LevelSettings = LevelSettings()
    metre_probability: float = 0.0
    pulse_free_share: float = 0.0

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"crop.{name} must be from 0 to 1, not {getattr(self, name):g}")
        for name in ("gain_db", "equaliser_db", "tempo_spread", "tempo_jitter", "pitch_bands"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"crop.{name} must not be negative, not {getattr(self, name):g}")
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise SettingsError(f"crop.{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 < self.tempo_bpm < math.inf:
            raise SettingsError(f"crop.tempo_bpm must be a positive number, not {self.tempo_bpm:g}")
        if len(self.tempo_factor) != 2 or not 0 < self.tempo_factor[0] <= self.tempo_factor[1] < math.inf:
            raise SettingsError(
                f"crop.tempo_factor must be a range of positive numbers, not {self.tempo_factor}"
            )


@dataclass(frozen=True, kw_only=True)
class Crop:
    """One training example: spectrogram (frames, bands) over its level, and what is to be learnt from it."""

    spectrogram: Float
    targets: Targets


def draw_crop(song: Song, settings: CropSettings, rng: Generator) -> Crop:
    """Draw one crop of `settings.frames` frames."""
    song, unjudged = choose_level(song, settings.level, rng)
    if song.metre == 4 and rng.random() < settings.metre_probability:
        song = in_three(song, dropped=int(rng.integers(2, 5)))
    factor = draw_tempo_factor(song.bpm, settings, rng, felt=song.felt)
    start = rng.uniform(0, max(len(song.levels) - settings.frames * factor, 0))
    magnitudes = resample_frames(song, start, factor, settings.frames, rng)
    magnitudes = vary_spectrum(magnitudes, settings, rng)
    return Crop(
        spectrogram=over_level(magnitudes) * decibels(rng.normal(0.0, settings.gain_db)),
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
        beats=beats[stay] - removed[np.searchsorted(cut, stay)],
        positions=np.where(positions[stay] > dropped, positions[stay] - 1, positions[stay]),
    )


def draw_tempo_factor(bpm: float, settings: CropSettings, rng: Generator, *, felt: bool) -> float:
    """Draw how much faster the song is to play, so that tempi come near the log-normal of the settings."""
    pull = settings.felt_tempo_pull if felt else settings.tempo_pull
    tempo = settings.tempo_bpm * np.exp(rng.normal(0.0, settings.tempo_spread))
    factor = (tempo / bpm) ** pull * np.exp(rng.normal(0.0, settings.tempo_jitter))
    return float(np.clip(factor, *settings.tempo_factor))


def resample_frames(song: Song, start: float, factor: float, frames: int, rng: Generator) -> Float:
    """Magnitudes at start + factor t, (frames, bands), linear between frames; silence past the end."""
    times = start + factor * np.arange(frames)
    first = int(start)
    last = min(int(times[-1]) + 2, len(song.levels))
    levels = song.levels[first:last]
    dither = rng.random(levels.shape, dtype=np.float32) - np.float32(0.5)
    source = song.quantisation.magnitude(levels, dither=dither)  # (source frames, bands)
    padded = np.concatenate([source, np.zeros((2, source.shape[1]), np.float32)])
    left = np.minimum((times - first).astype(np.int64), len(source))
    weight = (times - first - left).clip(0, 1).astype(np.float32)[:, None]
    right = np.minimum(left + 1, len(source))
    resampled: Float = padded[left] * (1 - weight) + padded[right] * weight
    return resampled


def vary_spectrum(magnitudes: Float, settings: CropSettings, rng: Generator) -> Float:
    """Shift pitch, equalise, and mask bands or moments of (frames, bands) magnitudes."""
    magnitudes = shift_pitch(magnitudes, settings, rng)
    return mask_time(magnitudes * draw_gains(magnitudes.shape[1], settings, rng), settings, rng)


def shift_pitch(magnitudes: Float, settings: CropSettings, rng: Generator) -> Float:
    """Shift (frames, bands) magnitudes by a few bands, or not; the outermost band fills the gap."""
    if rng.random() >= settings.pitch_probability:
        return magnitudes
    bands = magnitudes.shape[1]
    shift = rng.integers(-settings.pitch_bands, settings.pitch_bands + 1)
    return magnitudes[:, np.clip(np.arange(bands) - shift, 0, bands - 1)]


def draw_gains(bands: int, settings: CropSettings, rng: Generator) -> Float:
    """Draw a gain for each band, (bands,): an equaliser curve, cut bass or treble, a masked range."""
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
    """Silence a moment of (frames, bands) magnitudes, or not."""
    if rng.random() >= settings.time_mask_probability:
        return magnitudes
    frames = len(magnitudes)
    width = min(int(rng.integers(5, settings.time_mask_frames + 1)), frames)
    first = int(rng.integers(0, frames - width + 1))
    masked: Float = magnitudes.copy()
    masked[first : first + width] = 0.0
    return masked


def over_level(magnitudes: Float) -> Float:
    """Divide by the level of the crop; silence stays silence."""
    crop_level = recording_level(magnitudes)
    return magnitudes / np.float32(crop_level) if crop_level > 0 else magnitudes


def decibels(gain: float | NDArray[np.float64]) -> Float:
    """Factor for a gain in dB."""
    return np.asarray(10.0 ** (np.asarray(gain) / 20.0), dtype=np.float32)


def _smooth_curve(bands: int, rng: Generator) -> NDArray[np.float64]:
    """A tilt and one bump over the bands, of about unit size."""
    position = np.linspace(-1.0, 1.0, bands)
    bump = np.exp(-(((position - rng.uniform(-1, 1)) / rng.uniform(0.1, 0.5)) ** 2))
    return rng.normal() * position + rng.normal() * bump
