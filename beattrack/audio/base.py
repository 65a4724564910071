"""Types, warnings and messages that the modules of this package share."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from numpy.typing import NDArray

from beattrack.errors import AudioError
from beattrack.runtime.ahead import for_reader

Piece: TypeAlias = NDArray[Any]  # (samples, channels), numbers as stored
PathName: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"
Source: TypeAlias = "PathName | bytearray | memoryview | IO[bytes]"

PIECE = 1 << 14  # samples decoded at a time: fits the cache and limits the loss from a decoding error
NOTICED_LOSS = 0.1  # seconds; smaller losses at the end are ignored


class AudioWarning(UserWarning):
    """The audio is damaged but usable; the message says what was done."""


@dataclass(frozen=True)
class Stream:
    """Audio being decoded.

    Attributes:
        rate: sample rate in Hz.
        pieces: samples in order, all with the same number of channels.
        duration: duration of the whole recording in seconds; None if it is not stated.
    """

    rate: float
    pieces: Iterable[Piece]
    duration: float | None = None


class Trimmed:
    """Iterable over pieces of samples without the first ones.

    Args:
        pieces: samples in order.
        skip: number of samples to skip.
        passed: number of samples before the first piece, which count as skipped.

    Attributes:
        passed: number of samples before and in the pieces so far.
    """

    def __init__(self, pieces: Iterable[Piece], skip: int, passed: int = 0) -> None:
        self._pieces, self._skip = pieces, skip
        self.passed = passed

    def __iter__(self) -> Iterator[Piece]:
        for piece in self._pieces:
            before = self.passed
            self.passed += len(piece)
            if self.passed > self._skip:
                yield piece[max(self._skip - before, 0) :]


def display_name(path: PathName) -> str:
    """Return a file name as one printable line, with control characters and undecodable bytes escaped."""
    name = os.fsdecode(path)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def reason(error: OSError | ValueError) -> str:
    """Return the system's reason for an error, in lower case."""
    return str(getattr(error, "strerror", None) or error).lower()


def no_such_track(name: str, track: int, count: int) -> AudioError:
    """Return the error for a track, numbered from 1, of a file that has only `count` tracks."""
    there = "it has only one" if count == 1 else f"choose one from 1 to {count}"
    return AudioError(f"{name}: has no audio track {track}; {there}")


def warn_short(name: str, seconds: float) -> None:
    """Warn that the end of a recording is missing."""
    warn(f"{name}: is damaged or ends early; only {seconds:.1f} s of it could be used")


def warn_damaged(name: str, seconds: float) -> None:
    """Warn that something in the middle of a recording is missing."""
    warn(f"{name}: is damaged in places; {seconds:.1f} s of it could be used")


def warn(message: str) -> None:
    """Issue an AudioWarning in the thread that reads the samples."""
    for_reader(functools.partial(warnings.warn, message, AudioWarning, stacklevel=2))
