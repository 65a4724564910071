"""Recordings that are decoded while the rest of the program is still loading."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from beattrack.audio.base import PathName
from beattrack.audio.files import opened
from beattrack.audio.mixing import Float32, mixed_down
from beattrack.audio.reading import AHEAD_BLOCKS, AHEAD_SAMPLES, gathered, resampled
from beattrack.runtime.ahead import Ahead


class EarlyRecording:
    """A file that a thread has begun to decode; it can be read once.

    Close it, or use it as a context manager, so that the thread ends even if the recording is not read.

    Args:
        path: path of a regular file. Waiting for a pipe could not be interrupted.
        track: number of the audio track, from 1; None uses the default track.
    """

    def __init__(self, path: PathName, track: int | None = None) -> None:
        self._decoded = Ahead(_decoded(path, track), limit=AHEAD_BLOCKS)

    def __enter__(self) -> EarlyRecording:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread."""
        self._decoded.close()

    def blocks(self, *, sample_rate: int, block_seconds: float) -> Iterator[Float32]:
        """Yield the samples in blocks; arguments, errors and warnings are those of `read_blocks`."""
        with self:
            rate, name, _ = next(self._decoded)
            mono = (block for _, _, block in self._decoded)
            yield from gathered(resampled(mono, rate, sample_rate, name), round(block_seconds * sample_rate))


def _decoded(path: PathName, track: int | None) -> Iterator[tuple[float, str, Float32]]:
    """Yield the sample rate, the name for messages and mono samples, (samples,); first without samples."""
    with opened(path, track) as (stream, name):
        yield stream.rate, name, np.empty(0, np.float32)
        for block in gathered(mixed_down(stream.pieces, name), AHEAD_SAMPLES):
            yield stream.rate, name, block
