"""Excerpts of recordings with clicks on the beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beattrack.formats.readers import BeatSequence

Samples = NDArray[np.float32]

RATE = 22050
CLICK_SECONDS = 0.03
BEAT_HZ, DOWNBEAT_HZ = 1000.0, 1600.0
MUSIC_PEAK, CLICK_PEAK = 0.45, 0.5
# Samples per write: libsndfile's Vorbis encoder overflows its stack on long arrays.
PIECE = 4096


def load_excerpt(path: Path, start: float, seconds: float) -> Samples:
    """Read an excerpt of a recording.

    Args:
        path: audio file.
        start: start of the excerpt in seconds.
        seconds: length of the excerpt.

    Returns:
        Mono samples at 22 050 Hz, shape (samples,), fewer if the file ends earlier.

    Raises:
        AudioError: if the file cannot be decoded.
    """
    from beattrack.audio import read_blocks

    first, last = round(start * RATE), round((start + seconds) * RATE)
    kept: list[Samples] = []
    position = 0
    for block in read_blocks(path, sample_rate=RATE):
        kept.append(block[max(first - position, 0) : max(last - position, 0)])
        position += block.size
        if position >= last:
            break
    return np.concatenate([np.zeros(0, dtype=np.float32), *kept])


def with_clicks(music: Samples, beats: BeatSequence, start: float) -> Samples:
    """Return music with clicks on the beats, higher on downbeats.

    Args:
        music: mono samples at 22 050 Hz, shape (samples,).
        beats: beats of the whole recording.
        start: start of `music` in the recording, in seconds.
    """
    peak = float(np.abs(music).max(initial=0.0))
    mixed: Samples = music * np.float32(MUSIC_PEAK / peak if peak > 0 else 1.0)
    downbeats = np.zeros(beats.times.size, dtype=bool) if beats.positions is None else beats.positions == 1
    for time, downbeat in zip(beats.times - start, downbeats, strict=True):
        place = round(float(time) * RATE)
        if 0 <= place < mixed.size:
            click = _click(DOWNBEAT_HZ if downbeat else BEAT_HZ)[: mixed.size - place]
            mixed[place : place + click.size] += click
    return mixed


def write_sound(samples: Samples, folder: Path, stem: str) -> str:
    """Write samples as Ogg Vorbis, or as WAV if libsndfile does not support that.

    Args:
        samples: mono samples at 22 050 Hz, shape (samples,).
        folder: folder to write to.
        stem: name of the file without suffix.

    Returns:
        Name of the file.
    """
    import soundfile

    vorbis = "OGG" in soundfile.available_formats() and "VORBIS" in soundfile.available_subtypes("OGG")
    suffix, kind = (".ogg", "VORBIS") if vorbis else (".wav", "PCM_16")
    path = folder / f"{stem}{suffix}"
    with soundfile.SoundFile(str(path), "w", samplerate=RATE, channels=1, subtype=kind) as file:
        for place in range(0, samples.size, PIECE):
            file.write(samples[place : place + PIECE])
    return path.name


def _click(frequency: float) -> Samples:
    time = np.arange(round(CLICK_SECONDS * RATE)) / RATE
    wave = CLICK_PEAK * np.sin(2 * np.pi * frequency * time) * np.exp(-time * 120)
    return wave.astype(np.float32)
