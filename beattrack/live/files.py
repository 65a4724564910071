"""A recording as a live source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from beattrack.audio.files import opened
from beattrack.errors import AudioError
from beattrack.live.source import LiveSource


@contextmanager
def recording(path: str) -> Iterator[LiveSource]:
    """Open a recording in any format that `beattrack predict` reads.

    Yields:
        The source; its chunks come as fast as they are decoded.

    Raises:
        AudioError: if it cannot be opened or decoded.

    Warns:
        AudioWarning: while the chunks are read, if the file is damaged.
    """
    with opened(path) as (stream, name):
        pieces = iter(stream.pieces)
        first = next(pieces, None)
        if first is None:
            raise AudioError(f"{name}: holds no samples")
        yield LiveSource(name, stream.rate, first.shape[1], chain([first], pieces), recorded=True)
