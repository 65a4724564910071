"""Read a part of a recording as mono samples, so that only that part is decoded and resampled.

The samples are those that reading the whole recording would give at the same place. Resampling therefore
begins a second early, at a whole second, where samples of both rates coincide, and ends a second late; the
surplus is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from beattrack.audio.base import PIECE, Piece, Source, Stream, Trimmed
from beattrack.audio.files import opened
from beattrack.audio.mixing import Float32, mixed_down
from beattrack.audio.reading import checked, gathered, resampled
from beattrack.errors import AudioError, SettingsError
from beattrack.runtime import checks

_MARGIN = 1  # seconds; far longer than the filter of the resampler

Open = Callable[[float], AbstractContextManager[tuple[Stream, str]]]


@dataclass(frozen=True)
class Excerpt:
    """A part of a recording.

    Attributes:
        start: seconds from the start of the recording.
        end: seconds from the start of the recording; None for its end.

    Raises:
        SettingsError: if a value is negative, or the end is not after the start.
    """

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        checks.apply(self, {"start": checks.at_least(0), "end": checks.optional(checks.positive())})
        if self.end is not None and self.end <= self.start:
            raise SettingsError(f"end must be after start, not {self.end:g} s after {self.start:g} s")

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole recording."""
        return self.start == 0 and self.end is None


class ExcerptBlocks:
    """The samples of a part of a recording, to be iterated over once.

    Attributes:
        duration: duration of the recording in seconds, known after the iteration; if it was not read to its
            end and states no duration, the end of the part.
    """

    def __init__(self, open: Open, excerpt: Excerpt, sample_rate: int, block_seconds: float) -> None:
        self._open, self._excerpt = open, excerpt
        self._sample_rate, self._block = sample_rate, round(block_seconds * sample_rate)
        self._first = round(excerpt.start * sample_rate)
        self._last = None if excerpt.end is None else round(excerpt.end * sample_rate)
        self.duration = 0.0

    def __iter__(self) -> Iterator[Float32]:
        return gathered(self._samples(), self._block)

    def _samples(self) -> Iterator[Float32]:
        lead = max(self._first // self._sample_rate - _MARGIN, 0)  # seconds
        with self._open(float(lead)) as (stream, name):
            pieces = _Limited(stream.pieces, self._most(stream.rate, lead))
            position = lead * self._sample_rate
            for block in resampled(mixed_down(pieces, name), stream.rate, self._sample_rate, name):
                begin, end = position, position + len(block)
                position = end
                part = block[max(self._first - begin, 0) : max(self._stop(end) - begin, 0)]
                if len(part):
                    yield part
            read = lead + pieces.count / stream.rate if pieces.ended else None
            if position <= self._first > 0:
                raise _nothing(name, self._excerpt.start, _duration(stream, read))
            stated = max(stream.duration or 0.0, self._stop(position) / self._sample_rate)
            self.duration = stated if read is None else read

    def _most(self, rate: float, lead: int) -> float:
        """Return the number of samples to decode from second `lead` on."""
        if self._last is None:
            return math.inf
        return math.ceil((self._last / self._sample_rate + _MARGIN - lead) * rate)

    def _stop(self, end: int) -> int:
        return end if self._last is None else min(self._last, end)


def read_excerpt(
    source: Source,
    excerpt: Excerpt,
    *,
    sample_rate: int,
    track: int | None = None,
    block_seconds: float = 30.0,
) -> ExcerptBlocks:
    """Decode, mix down and resample a part of a recording in bounded memory.

    Decoding ends soon after the part. Files in which any sample can be found at once are read from the part
    on; others are decoded from their start.

    Args:
        source, sample_rate, track, block_seconds: see `read_blocks`, which raises the same errors and
            warnings.
        excerpt: the part.

    Returns:
        An iterable over blocks of mono float32, (samples,). It raises AudioError if the recording ends before
        the part begins.
    """

    def open_at(start: float) -> AbstractContextManager[tuple[Stream, str]]:
        return opened(source, track, start=start)

    return ExcerptBlocks(open_at, excerpt, sample_rate, block_seconds)


def excerpt_of_samples(
    samples: ArrayLike,
    excerpt: Excerpt,
    *,
    source_rate: float,
    sample_rate: int,
    block_seconds: float = 30.0,
) -> ExcerptBlocks:
    """Mix down and resample a part of an array of samples.

    Args:
        samples, source_rate: see `from_samples`, which raises the same errors and warnings.
        excerpt, sample_rate, block_seconds: see `read_excerpt`.

    Returns:
        See `read_excerpt`.
    """
    array = checked(samples)

    @contextmanager
    def open_at(start: float) -> Iterator[tuple[Stream, str]]:
        begin = round(start * source_rate)
        pieces = (array[i : i + PIECE] for i in range(begin, len(array), PIECE))
        yield Stream(float(source_rate), pieces, len(array) / source_rate), "samples"

    return ExcerptBlocks(open_at, excerpt, sample_rate, block_seconds)


@contextmanager
def opened_excerpt(
    source: Source, excerpt: Excerpt, track: int | None = None
) -> Iterator[tuple[Stream, str]]:
    """Open a part of a recording for its samples as stored; see `beattrack.audio.files.opened`."""
    with opened(source, track, start=excerpt.start) as (stream, name):
        if excerpt.end is None:
            yield stream, name
        else:
            count = round(excerpt.end * stream.rate) - round(excerpt.start * stream.rate)
            yield replace(stream, pieces=_Limited(stream.pieces, count)), name


def _nothing(name: str, start: float, duration: float | None) -> AudioError:
    length = "it is shorter" if duration is None else f"it is {duration:.2f} s long"
    return AudioError(f"{name}: has nothing from {start:g} s on; {length}")


def _duration(stream: Stream, read: float | None) -> float | None:
    """Return the duration of a recording that may have ended before the second at which decoding began."""
    return stream.pieces.passed / stream.rate if isinstance(stream.pieces, Trimmed) else read


class _Limited:
    """Iterator over pieces up to a number of samples; it notes whether they ended before."""

    def __init__(self, pieces: Iterable[Piece], most: float) -> None:
        self._pieces, self._most = pieces, most
        self.count = 0
        self.ended = False

    def __iter__(self) -> Iterator[Piece]:
        if self._most <= 0:
            return
        for piece in self._pieces:
            kept = piece[: int(min(len(piece), self._most - self.count))]
            self.count += len(kept)
            if len(kept):
                yield kept
            if self.count >= self._most:
                return
        self.ended = True
