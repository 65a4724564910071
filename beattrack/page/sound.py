"""The sound of a page: the recording as short Ogg Vorbis files, and the peaks of its waveform.

A browser cannot hold an hour of decoded audio, and the time of its media player is too inexact to place
clicks. The page decodes these short files when they are needed and plays them one after the other, exact to
the sample. Each begins a little early, so that the encoder has settled by the time its part is heard.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from beattrack.audio import Excerpt, read_excerpt

Float32 = NDArray[np.float32]

SAMPLE_RATE = 32_000  # Hz; 16 kHz of bandwidth sounds good and takes a third less than 48 000 Hz
CHUNK_SECONDS = 20  # decoded in about 50 ms
LEAD = 3_200  # samples before a chunk, 0.1 s
SAMPLES_PER_PEAK = 128  # 250 peaks per second
WRITTEN_AT_ONCE = 1 << 14  # samples; libsndfile's Vorbis encoder needs stack in proportion


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of a page.

    Attributes:
        chunks: Ogg Vorbis files of 20 seconds each, the last one shorter. All but the first begin with a
            lead of 0.1 seconds that is not to be heard.
        peaks: lowest and highest sample of each 1/250 s, full scale 127, the loudest peak at full scale;
            shape (peaks, 2).
        duration: in seconds.
    """

    chunks: tuple[bytes, ...]
    peaks: NDArray[np.int8]
    duration: float


def encode(
    source: str | os.PathLike[str], *, track: int | None = None, excerpt: Excerpt | None = None
) -> Sound:
    """Encode a recording, or a part of it, for a page, in one pass.

    Raises:
        AudioError: if the recording cannot be read.
    """
    chunks, peaks, samples = [], [np.empty((0, 2), np.float32)], 0
    lead = np.empty(0, np.float32)
    blocks = read_excerpt(source, excerpt or Excerpt(), sample_rate=SAMPLE_RATE, track=track)
    for part in _parts(blocks):
        chunks.append(_ogg(np.concatenate([lead, np.clip(part, -1, 1)])))
        peaks.append(_peaks(part))
        samples += len(part)
        lead = np.clip(part[-LEAD:], -1, 1)
    return Sound(tuple(chunks), _quantised(np.concatenate(peaks)), samples / SAMPLE_RATE)


def _parts(blocks: Iterable[Float32]) -> Iterator[Float32]:
    """Divide samples into parts of 20 seconds, the last one shorter."""
    size = CHUNK_SECONDS * SAMPLE_RATE
    pending = np.empty(0, np.float32)
    for block in blocks:
        pending = np.concatenate([pending, block])
        while len(pending) >= size:
            yield pending[:size]
            pending = pending[size:]
    if len(pending):
        yield pending


def _ogg(samples: Float32) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", SAMPLE_RATE, 1, format="OGG", subtype="VORBIS") as sound:
        for start in range(0, len(samples), WRITTEN_AT_ONCE):
            sound.write(samples[start : start + WRITTEN_AT_ONCE])
    return file.getvalue()


def _peaks(samples: Float32) -> Float32:
    """Compute the lowest and highest sample of each 1/250 s, shape (peaks, 2)."""
    missing = -len(samples) % SAMPLES_PER_PEAK
    rows = np.pad(samples, (0, missing), mode="edge").reshape(-1, SAMPLES_PER_PEAK)
    return np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1)


def _quantised(peaks: Float32) -> NDArray[np.int8]:
    loudest = float(np.abs(peaks).max(initial=0.0))
    quantised: NDArray[np.int8] = np.rint(peaks * (127 / loudest if loudest else 0.0)).astype(np.int8)
    return quantised
