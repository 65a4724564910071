"""Read audio as mono samples: decode, mix down, resample.

See `beattrack.audio.files` for formats, the meaning of time 0, and damaged files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import ArrayLike

from beattrack.audio.base import PIECE, AudioWarning, Piece, Source
from beattrack.audio.files import opened
from beattrack.audio.mixing import FULL_SCALE, Float32, mixed_down
from beattrack.errors import AudioError
from beattrack.runtime.ahead import Ahead

__all__ = ["AudioWarning", "Source", "from_samples", "load", "read_blocks"]

MIN_RATE, MAX_RATE = 1_000, 768_000  # Hz; outside this range a header is damaged or the data is not sound
MAX_CHANNELS = 64  # an array with more is taken for (channels, samples)
# What a thread decodes ahead of its reader: at most 33 MB, 190 s at 44.1 kHz. Blocks are large, because to
# hand one over needs Python's global lock.
AHEAD_SAMPLES, AHEAD_BLOCKS = 1 << 17, 64


def load(source: Source, *, sample_rate: int, track: int | None = None) -> Float32:
    """Decode, mix down and resample all of a recording.

    Args:
        source, track: see `read_blocks`, which raises the same errors and warnings.
        sample_rate: sample rate of the result in Hz.

    Returns:
        Mono float32 with full scale 1, shape (samples,); empty if the file has no samples.
    """
    return _joined(read_blocks(source, sample_rate=sample_rate, track=track))


def read_blocks(
    source: Source,
    *,
    sample_rate: int,
    track: int | None = None,
    block_seconds: float = 30.0,
    threads: int = 1,
) -> Iterator[Float32]:
    """Decode, mix down and resample a recording in bounded memory.

    Args:
        source: path, URL, "-" for standard input, file object opened in binary mode (read from its current
            position), the bytes of a file, or an open `soundfile.SoundFile`. Files at URLs, pipes, file
            objects and bytes are first copied to a temporary file, because decoders need to seek.
        sample_rate: sample rate of the result in Hz.
        track: number of the audio track, from 1; None uses the default track.
        block_seconds: minimum length of a block in seconds.
        threads: number of threads; with two or more, one of them decodes ahead of the reader.

    Yields:
        Mono float32 with full scale 1, shape (samples,), in blocks of at least `block_seconds`; the last one
        may be shorter. Their concatenation does not depend on `block_seconds`. Mono is the mean over the
        channels; channels that would cancel others out are inverted first.

    Raises:
        AudioError: at the first block, if the source cannot be opened or decoded, or has no such track.

    Warns:
        AudioWarning: if the file is damaged or ends early, if channels cancel each other out, or if samples
            that are not finite were set to 0.
    """
    with opened(source, track) as (stream, name):
        size = round(block_seconds * sample_rate)
        mono = mixed_down(stream.pieces, name)
        if threads < 2:
            yield from gathered(resampled(mono, stream.rate, sample_rate, name), size)
            return
        with decoded_ahead(mono) as early:
            yield from gathered(resampled(early, stream.rate, sample_rate, name), size)


def decoded_ahead(mono: Iterable[Float32]) -> Ahead[Float32]:
    """Return mono samples, in larger blocks, that a thread decodes ahead of the reader."""
    return Ahead(gathered(mono, AHEAD_SAMPLES), limit=AHEAD_BLOCKS)


def from_samples(samples: ArrayLike, *, source_rate: float, sample_rate: int) -> Float32:
    """Mix down and resample an array of samples.

    Args:
        samples: array, or anything that NumPy can convert to one, of shape (samples,) or (samples, channels):
            floats with full scale 1, or int8, int16, int32 or uint8 with the full scale of their type.
        source_rate: sample rate of `samples` in Hz.
        sample_rate: sample rate of the result in Hz.

    Returns:
        Mono float32 with full scale 1, shape (samples,).

    Raises:
        AudioError: if the shape, type or sample rate is not supported.

    Warns:
        AudioWarning: if channels cancel each other out, or if samples that are not finite were set to 0.
    """
    array = checked(samples)
    pieces = (array[i : i + PIECE] for i in range(0, len(array), PIECE))
    return _joined(resampled(mixed_down(pieces, "samples"), source_rate, sample_rate, "samples"))


def checked(samples: ArrayLike) -> Piece:
    """Return samples as an array of shape (samples, channels). Raises AudioError if they are not samples."""
    try:
        array = np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a torch tensor with gradients
        told = " ".join(str(error).split())[:200]
        raise AudioError(f"samples cannot be read as an array ({told})") from error
    if array.ndim not in (1, 2):
        raise AudioError(f"samples must be of shape (samples,) or (samples, channels), not {array.shape}")
    if array.dtype.kind != "f" and array.dtype.name not in FULL_SCALE:
        raise AudioError(f"samples must be floats, int8, int16, int32 or uint8, not {array.dtype}")
    if array.ndim == 1:
        return array[:, np.newaxis]
    if 1 <= array.shape[1] <= MAX_CHANNELS:
        return array
    if 1 <= array.shape[0] <= MAX_CHANNELS < array.shape[1]:
        raise AudioError(
            f"samples of shape {array.shape} are (channels, samples); transpose them to (samples, channels)"
        )
    raise AudioError(
        f"samples must be of shape (samples, channels), 1 to {MAX_CHANNELS} channels, not {array.shape}"
    )


def resampled(mono: Iterable[Float32], source_rate: float, sample_rate: int, name: str) -> Iterator[Float32]:
    """Resample pieces of mono samples, (samples,). Raises AudioError if a sample rate is not supported."""
    for rate in (source_rate, sample_rate):
        if not MIN_RATE <= rate <= MAX_RATE:
            raise AudioError(f"{name}: the sample rate must be {MIN_RATE} to {MAX_RATE} Hz, not {rate:g}")
    if source_rate == sample_rate:
        yield from mono
        return
    # The result is bit-identical to that of soxr.resample for the whole recording.
    stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float32", quality="HQ")
    for piece in mono:
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def gathered(pieces: Iterable[Float32], size: int) -> Iterator[Float32]:
    """Join pieces into blocks of at least `size` samples; the last one may be shorter."""
    block: list[Float32] = []
    gathered = 0
    for piece in pieces:
        block.append(piece)
        gathered += len(piece)
        if gathered >= max(size, 1):
            yield np.concatenate(block)
            block, gathered = [], 0
    if gathered:
        yield np.concatenate(block)


def _joined(blocks: Iterable[Float32]) -> Float32:
    return np.concatenate([np.empty(0, np.float32), *blocks])
