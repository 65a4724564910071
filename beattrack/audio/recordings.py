"""The samples of a recording that is a file or an array of samples, whole or in part."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeAlias, TypeGuard, cast

from numpy.typing import ArrayLike

from beattrack.audio.base import Source
from beattrack.audio.early import EarlyRecording
from beattrack.audio.excerpt import Excerpt, ExcerptBlocks, excerpt_of_samples, read_excerpt
from beattrack.audio.mixing import Float32
from beattrack.audio.reading import from_samples, read_blocks
from beattrack.audio.sources import is_content
from beattrack.errors import SettingsError
from beattrack.runtime import checks

Recording: TypeAlias = "Source | ArrayLike | EarlyRecording"

BLOCK_SECONDS = 5.0  # short, so that the next stage starts early


def blocks_of(
    source: Recording, source_rate: int | None, *, sample_rate: int, track: int | None, threads: int = 1
) -> Iterable[Float32]:
    """Return the samples of a recording in blocks.

    Args:
        source: see `read_blocks` for files and `from_samples` for arrays.
        source_rate: sample rate in Hz of an array; None for a file.
        sample_rate: sample rate of the result in Hz.
        track: number of the audio track of a file, from 1; None uses the default track.
        threads: number of threads; with two or more, one of them decodes a file ahead of the reader.

    Returns:
        Blocks of mono float32, (samples,).

    Raises:
        SettingsError: if `source_rate` or `track` does not apply to the source.
    """
    if isinstance(source, EarlyRecording):
        return source.blocks(sample_rate=sample_rate, block_seconds=BLOCK_SECONDS)
    if _is_file(source, source_rate, track):
        return read_blocks(
            source, sample_rate=sample_rate, track=track, block_seconds=BLOCK_SECONDS, threads=threads
        )
    array, rate = cast("ArrayLike", source), cast("int", source_rate)
    samples = from_samples(array, source_rate=rate, sample_rate=sample_rate)
    step = round(BLOCK_SECONDS * sample_rate)
    return (samples[start : start + step] for start in range(0, len(samples), step))


def blocks_of_part(
    source: Recording, source_rate: int | None, part: Excerpt, *, sample_rate: int, track: int | None
) -> ExcerptBlocks:
    """Return the samples of a part of a recording in blocks; see `blocks_of`."""
    if _is_file(source, source_rate, track):
        return read_excerpt(source, part, sample_rate=sample_rate, track=track, block_seconds=BLOCK_SECONDS)
    array, rate = cast("ArrayLike", source), cast("int", source_rate)
    return excerpt_of_samples(
        array, part, source_rate=rate, sample_rate=sample_rate, block_seconds=BLOCK_SECONDS
    )


def _is_file(source: Recording, source_rate: int | None, track: int | None) -> TypeGuard[Source]:
    """Return whether a source is a file and not samples. Raises SettingsError if an argument does not fit."""
    checks.optional(checks.positive(whole=True))("track", track)
    named = isinstance(source, str | bytes | os.PathLike) or hasattr(source, "read")
    # Bytes are the content of a file, unless a sample rate shows that they are samples.
    if named or (is_content(source) and source_rate is None):
        if source_rate is not None:
            raise SettingsError("sample_rate applies to arrays of samples; leave it out for a file")
        return True
    if source_rate is None:
        raise SettingsError("an array of samples needs a sample_rate; use track(samples, 44100)")
    if track is not None:
        raise SettingsError("track applies to files; leave it out for an array of samples")
    return False
