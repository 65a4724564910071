"""Audio in: decode, mix down to mono, resample.

See `beattrack.audio.files` for the formats, for what time 0 is, and for how damaged files are treated.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from beattrack.audio.files import PIECE, AudioWarning, Piece, Source, opened
from beattrack.errors import AudioError

__all__ = ["AudioWarning", "Source", "from_samples", "load", "read_blocks"]

Float32: TypeAlias = NDArray[np.float32]

MIN_RATE, MAX_RATE = 1_000, 768_000  # Hz; beyond these a header is damaged or the data is not sound
MAX_CHANNELS = 64  # of an array: more is (channels, samples) by mistake
# Louder than any usual scaling of floats; its square is still far from the largest float32.
MAX_MAGNITUDE = 2.0**32
FULL_SCALE = {"int8": 2.0**7, "uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


def load(source: Source, *, sample_rate: int) -> Float32:
    """Decode, mix down and resample all of `source`.

    Returns (samples,) mono float32 at `sample_rate` Hz, full scale 1; empty for a file of no samples.
    Sources, errors and warnings are those of `read_blocks`.
    """
    return _joined(read_blocks(source, sample_rate=sample_rate))


def read_blocks(source: Source, *, sample_rate: int, block_seconds: float = 30.0) -> Iterator[Float32]:
    """Decode, mix down and resample `source` in bounded memory.

    source: path, "-" for standard input, or a file object opened in binary mode (read from where it stands);
    pipes and file objects are first copied to a temporary file, because decoders need to seek.
    Yields (samples,) mono float32 at `sample_rate` Hz in blocks of at least `block_seconds`, the last one
    shorter; their concatenation does not depend on `block_seconds`. Mono is the mean over the channels.
    Raises AudioError, at the first block, for what cannot be opened or decoded. Warns with AudioWarning of
    files that are damaged or end early, and of samples that are not finite, which are set to 0.
    """
    with opened(source) as ((source_rate, pieces), name):
        mono = _mono(pieces, name)
        resampled = _resampled(mono, source_rate, sample_rate, name)
        yield from _gathered(resampled, round(block_seconds * sample_rate))


def from_samples(samples: ArrayLike, *, source_rate: float, sample_rate: int) -> Float32:
    """Mix down and resample an array of samples.

    samples: (samples,) or (samples, channels); floats of full scale 1, or int8, int16, int32 or uint8 of
    their type's full scale. source_rate: their rate in Hz.
    Returns (samples,) mono float32 at `sample_rate` Hz.
    Raises AudioError where shape, type or rate are none of these. Warns with AudioWarning of samples that are
    not finite, which are set to 0.
    """
    array = _checked(samples)
    pieces = (array[i : i + PIECE] for i in range(0, len(array), PIECE))
    return _joined(_resampled(_mono(pieces, "samples"), source_rate, sample_rate, "samples"))


def _checked(samples: ArrayLike) -> Piece:
    try:
        array = np.asarray(samples)
    except (TypeError, ValueError) as error:
        raise AudioError(f"samples cannot be read as an array ({error})") from error
    if array.ndim not in (1, 2):
        raise AudioError(f"samples must be of shape (samples,) or (samples, channels), not {array.shape}")
    if array.dtype.kind != "f" and array.dtype.name not in FULL_SCALE:
        raise AudioError(f"samples must be floats, int8, int16, int32 or uint8, not {array.dtype}")
    if array.ndim == 1:
        return array[:, np.newaxis]
    if not 1 <= array.shape[1] <= MAX_CHANNELS:
        raise AudioError(
            f"samples must be of shape (samples, channels), 1 to {MAX_CHANNELS} channels, not {array.shape}"
        )
    return array


def _mono(pieces: Iterable[Piece], name: str) -> Iterator[Float32]:
    damaged = False
    for piece in pieces:
        mono = _mix_down(piece)
        if not _usable(mono):
            damaged = True
            mono = _mix_down(_cleaned(piece))
        yield mono
    if damaged:
        warnings.warn(f"{name}: samples that are not finite were set to 0", AudioWarning, stacklevel=2)


def _mix_down(piece: Piece) -> Float32:
    """Give the mean over the channels, in an array of its own."""
    channels = piece.shape[1]
    full_scale = channels * FULL_SCALE.get(piece.dtype.name, 1.0)
    if piece.dtype == np.uint8:
        piece = piece.astype(np.int16) - 128
    with np.errstate(over="ignore", invalid="ignore"):  # the caller finds what overflowed
        # A sum of columns: numpy's mean over so short an axis takes 30 times as long.
        mono: Float32 = piece[:, 0].astype(np.float32)
        for channel in range(1, channels):
            mono += piece[:, channel]
    if full_scale != 1:
        mono /= np.float32(full_scale)
    return mono


def _usable(mono: Float32) -> bool:
    # NaN makes both extremes NaN, and every comparison with it false.
    return mono.size == 0 or bool(mono.min() >= -MAX_MAGNITUDE and mono.max() <= MAX_MAGNITUDE)


def _cleaned(piece: Piece) -> Piece:
    return np.where(np.abs(piece) <= MAX_MAGNITUDE, piece, piece.dtype.type(0))


def _resampled(mono: Iterable[Float32], source_rate: float, sample_rate: int, name: str) -> Iterator[Float32]:
    for rate in (source_rate, sample_rate):
        if not MIN_RATE <= rate <= MAX_RATE:
            raise AudioError(f"{name}: the sample rate must be {MIN_RATE} to {MAX_RATE} Hz, not {rate:g}")
    if source_rate == sample_rate:
        yield from mono
        return
    # Gives what soxr.resample gives for the whole, bit for bit.
    stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float32", quality="HQ")
    for piece in mono:
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def _gathered(pieces: Iterable[Float32], size: int) -> Iterator[Float32]:
    """Join pieces to blocks of at least `size` samples, the last one shorter."""
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
