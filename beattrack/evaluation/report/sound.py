"""The music with clicks on the beats, to hear what a score means."""

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
# Written in pieces: libsndfile's Vorbis encoder overruns its stack on long ones.
PIECE = 4096


def load_excerpt(path: Path, start: float, seconds: float) -> Samples:
    """Read `seconds` of a file from `start` as mono (samples,) at 22 050 Hz; shorter at the file's end."""
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
    """Mix clicks into (samples,) of music that begins at `start` seconds, higher ones on downbeats."""
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
    """Write (samples,) as Ogg Vorbis, or as WAV where libsndfile cannot; gives the name of the file."""
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
