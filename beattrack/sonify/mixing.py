"""A recording and its clicks, mixed and written as a sound file.

The recording is read twice, block by block: once for its peak, sample rate and number of channels, once to be
mixed. Under each click it is turned down by the click's own envelope,

    y = x (1 - g e) + p g c,    |x| <= p,  |c| <= e <= 1,  g <= 1,

with the recording x, its peak p, the click c, its envelope e and the gain g of the clicks. So |y| <= p: the
mix never clips, needs no limiter, and between the clicks it is the recording itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from beattrack.audio.base import Piece, Source
from beattrack.audio.excerpt import Excerpt, opened_excerpt
from beattrack.audio.mixing import FULL_SCALE, MAX_MAGNITUDE, mixed_down
from beattrack.audio.sources import on_disk
from beattrack.errors import AudioError, SettingsError
from beattrack.result import Beats
from beattrack.runtime.files import atomic_path
from beattrack.sonify.clicks import ClickSettings, ClickTrack

Float32: TypeAlias = NDArray[np.float32]

LARGEST_WAV = (1 << 32) - (1 << 16)  # bytes; a WAV states its length in 32 bits
MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Container:
    """A kind of sound file.

    Attributes:
        name: libsndfile's name of it.
        channels: the most that it holds.
        rates: the sample rates in Hz that it can have, or None for any.
        ceiling: highest peak to write; a lossy format may decode to a higher one.
        lossy: whether it is.
    """

    name: str
    channels: int
    rates: tuple[int, ...] | None = None
    ceiling: float = 1.0
    lossy: bool = False


CONTAINERS = {
    ".wav": Container("WAV", channels=1024),
    ".flac": Container("FLAC", channels=8),
    ".mp3": Container("MP3", channels=2, rates=MPEG_RATES, ceiling=0.89, lossy=True),
}


@dataclass(frozen=True)
class Recording:
    """What the first pass over a recording found.

    Attributes:
        rate: sample rate in Hz.
        channels: number of channels.
        samples: number of samples in each channel.
        peak: largest magnitude of a sample.
        bits: per sample, 16 if it is stored with so many, otherwise 24.
    """

    rate: int
    channels: int
    samples: int
    peak: float
    bits: int


def write_click_track(
    source: Source,
    beats: Beats,
    path: str | os.PathLike[str],
    settings: ClickSettings | None = None,
    *,
    track: int | None = None,
    excerpt: Excerpt | None = None,
) -> None:
    """Write a recording with clicks on its beats, with its own sample rate and number of channels.

    The clicks of downbeats are higher. WAV and FLAC have 16 bits per sample if the recording has, otherwise
    24.

    Args:
        source: path, "-" for standard input, or whatever else `beattrack.audio.read_blocks` accepts.
        beats: beats of the recording.
        path: file to write, whole or not at all: .wav, .flac or .mp3.
        settings: level and mode of the clicks.
        track: audio track of a film, counted from 1; None is the default one.
        excerpt: part of the recording to write; None for all of it.

    Raises:
        SettingsError: if the suffix of `path` is unknown.
        AudioError: if the recording cannot be read, or its rate or channels do not fit the format.
        OSError: if the file cannot be written.
    """
    settings = ClickSettings() if settings is None else settings
    container = container_for(path)
    excerpt = Excerpt() if excerpt is None else excerpt
    with on_disk(source) as (file, name):
        recording = inspect(file, track, excerpt)
        _check_fit(recording, container, settings, name)
        gain = min(1.0, container.ceiling / recording.peak) if recording.peak > 0 else 1.0
        with atomic_path(path) as temporary:
            mix = _mixed(file, beats, recording, gain, settings, track, excerpt)
            temporary.touch()  # what the system says of it is more exact than what libsndfile does
            try:
                _write(temporary, mix, recording, container)
            except (soundfile.SoundFileError, AssertionError) as error:  # the latter: only a part was written
                raise AudioError(
                    f"{os.fspath(path)}: libsndfile cannot write all of it; is the disk full?"
                ) from error


def container_for(path: str | os.PathLike[str]) -> Container:
    """Return the kind of sound file for a path's suffix. Raises SettingsError if it is unknown."""
    container = CONTAINERS.get(Path(path).suffix.lower())
    if container is None:
        raise SettingsError(f"{os.fspath(path)}: unknown sound format; use one of {', '.join(CONTAINERS)}")
    return container


def inspect(source: Source, track: int | None = None, excerpt: Excerpt | None = None) -> Recording:
    """Read a recording, or a part of it, once, for its peak and what it is made of."""
    samples, peak, channels, bits = 0, 0.0, 1, 16
    with opened_excerpt(source, excerpt or Excerpt(), track) as (stream, _):
        for piece in stream.pieces:
            channels = piece.shape[1]
            bits = max(bits, 16 if piece.dtype == np.int16 else 24)
            samples += len(piece)
            peak = max(peak, float(np.abs(_as_float(piece)).max(initial=0.0)))
        return Recording(round(stream.rate), channels, samples, peak, bits)


def _check_fit(recording: Recording, container: Container, settings: ClickSettings, name: str) -> None:
    channels = _channels(recording, settings)
    if channels > container.channels:
        raise AudioError(
            f"{name}: has {channels} channels, and {container.name} holds at most {container.channels}; "
            "write a .wav file, or split song and clicks (--click-mode split)"
        )
    if container.rates is not None and recording.rate not in container.rates:
        raise AudioError(
            f"{name}: has a sample rate of {recording.rate} Hz, which {container.name} cannot have; "
            "write a .wav or .flac file"
        )


def _channels(recording: Recording, settings: ClickSettings) -> int:
    return 2 if settings.mode == "split" else recording.channels


def _mixed(
    source: Source,
    beats: Beats,
    recording: Recording,
    gain: float,
    settings: ClickSettings,
    track: int | None,
    excerpt: Excerpt,
) -> Iterator[Float32]:
    """Yield the mix in pieces, shape (samples, channels)."""
    clicks = ClickTrack(beats, recording.rate)
    level = np.float32(gain * recording.peak * settings.gain)
    position = round(excerpt.start * recording.rate)
    with opened_excerpt(source, excerpt, track) as (stream, name):
        pieces = mixed_down(stream.pieces, name) if settings.mode == "split" else stream.pieces
        for piece in pieces:
            sound, envelope = clicks.block(position, len(piece))
            position += len(piece)
            if settings.mode == "split":
                yield np.stack([np.float32(gain) * piece, level * sound], axis=1)
            elif settings.mode == "only":
                yield np.repeat((level * sound)[:, np.newaxis], recording.channels, axis=1)
            else:
                kept = np.float32(gain) * (1 - np.float32(settings.gain) * envelope)
                yield _as_float(piece) * kept[:, np.newaxis] + (level * sound)[:, np.newaxis]


def _as_float(piece: Piece) -> Float32:
    """Return samples as float32 with full scale 1; those that are not finite become 0."""
    if piece.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            piece = np.where(np.abs(piece) <= MAX_MAGNITUDE, piece, 0)
    samples: Float32 = piece.astype(np.float32) / np.float32(FULL_SCALE.get(piece.dtype.name, 1.0))
    return samples


class _Output(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is not typed
    """A sound file written from start to end; soundfile would seek after each piece."""

    def seekable(self) -> bool:
        return False


def _write(path: Path, pieces: Iterator[Float32], recording: Recording, container: Container) -> None:
    first = next(pieces, np.zeros((0, recording.channels), np.float32))
    size = recording.samples * first.shape[1] * recording.bits // 8
    large = container.name == "WAV" and size > LARGEST_WAV
    with _Output(
        os.fsencode(path),
        "w",
        recording.rate,
        first.shape[1],
        format="RF64" if large else container.name,
        subtype="MPEG_LAYER_III" if container.lossy else f"PCM_{recording.bits}",
    ) as file:
        file.write(first if container.lossy else _as_whole(first, recording.bits))
        for piece in pieces:
            file.write(piece if container.lossy else _as_whole(piece, recording.bits))


def _as_whole(samples: Float32, bits: int) -> NDArray[Any]:
    """Return samples as integers; libsndfile's own conversion would change the recording by 1 in 32768."""
    scale = 1 << (bits - 1)
    whole = np.rint(samples.astype(np.float64) * scale).clip(-scale, scale - 1)
    return whole.astype(np.int16) if bits == 16 else whole.astype(np.int32) << 8
