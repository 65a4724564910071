"""Read parts of a file on disk as separate audio files."""

from __future__ import annotations

import bisect
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

CHUNK = 1 << 20  # bytes read at a time when a file is searched


@dataclass(frozen=True)
class Part:
    """An audio file that consists of stretches of bytes of a file on disk.

    Attributes:
        stretches: (start, stop) offsets in bytes, in order.
        header: bytes to insert before them.
        skip: number of samples to skip at the start, which an encoder added.
    """

    stretches: tuple[tuple[int, int], ...]
    header: bytes = b""
    skip: int = 0


@dataclass(frozen=True)
class Layout:
    """How to read a file on disk.

    Attributes:
        parts: the audio files in it, in order; empty if it can be read as it is.
        samples: lower bound of the number of samples; None if unknown.
        damaged: whether parts of the audio are missing.
        short: whether the end is missing.
        mixed: whether several streams are interleaved, which libsndfile cannot read.
    """

    parts: tuple[Part, ...]
    samples: int | None = None
    damaged: bool = False
    short: bool = False
    mixed: bool = False


class PartReader(io.RawIOBase):
    """File object for a part of an open file."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        self._file, self._header = file, part.header
        self._position = 0
        # Offsets of the header and of each stretch, in the part and on disk.
        self._starts, self._places = [0], [0]
        end = len(part.header)
        for start, stop in part.stretches:
            self._starts.append(end)
            self._places.append(start)
            end += stop - start
        self._size = end

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position in bytes and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer and return the number of bytes read, which is below its size only at the end."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._position < self._size:
            count = self._read_stretch(view[filled:])
            if not count:
                break
            filled += count
            self._position += count
        return filled

    def _read_stretch(self, view: memoryview) -> int:
        index = bisect.bisect_right(self._starts, self._position) - 1
        stop = self._starts[index + 1] if index + 1 < len(self._starts) else self._size
        wanted = min(len(view), stop - self._position)
        inside = self._position - self._starts[index]
        if index == 0:
            view[:wanted] = self._header[inside : inside + wanted]
            return wanted
        try:
            self._file.seek(self._places[index] + inside)
            data = self._file.read(wanted)
        except OSError:  # cffi would print an exception and not propagate it
            return 0
        view[: len(data)] = data
        return len(data)


class Window:
    """Random access to the bytes of a file, which are read in chunks."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self.size = file, size
        self._start, self._data = 0, b""

    def chunk(self, offset: int, count: int = 4) -> tuple[int, bytes]:
        """Return a chunk of the file around an offset.

        Args:
            offset: offset in bytes.
            count: number of bytes from `offset` on that the chunk must contain, unless the file ends earlier.

        Returns:
            The offset of the chunk, and its bytes.
        """
        if offset >= self.size:  # a damaged header may state an offset too large for `seek`
            return offset, b""
        inside = offset - self._start
        if not 0 <= inside <= len(self._data) - count:
            self._file.seek(offset)
            self._start, self._data = offset, self._file.read(max(CHUNK, count))
        return self._start, self._data

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on, or fewer at the end of the file."""
        start, data = self.chunk(offset, count)
        return data[offset - start : offset - start + count]

    def find(self, wanted: bytes, offset: int) -> int:
        """Return the offset of the next occurrence of `wanted`, or -1 if there is none."""
        while offset < self.size:
            start, data = self.chunk(offset, CHUNK // 2)
            place = data.find(wanted, offset - start)
            if place >= 0:
                return start + place
            offset = max(start + len(data) - len(wanted) + 1, offset + 1)
        return -1

    def is_zero(self, offset: int) -> bool:
        """Return whether all bytes from `offset` on are zero."""
        while offset < self.size:
            start, data = self.chunk(offset)
            if data[offset - start :].strip(b"\0"):
                return False
            offset = max(start + len(data), offset + 1)
        return True


def tag_length(window: Window, offset: int) -> int:
    """Return the length in bytes of the ID3, APE or Lyrics3 tag at `offset`; 0 if there is none."""
    head = window.read(offset, 32)
    if head[:3] == b"ID3" and len(head) > 10 and max(head[6:10]) < 128:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return size + (20 if head[5] & 0x10 else 10)
    if head[:8] == b"APETAGEX" and len(head) == 32:
        is_header = int.from_bytes(head[20:24], "little") >> 29 & 1
        return 32 + (int.from_bytes(head[12:16], "little") if is_header else 0)
    if head[:4] == b"TAG+":
        return 227
    if head[:3] == b"TAG":
        return 128
    if head[:11] == b"LYRICSBEGIN":
        end = window.find(b"LYRICS200", offset)
        return end + 9 - offset if end >= 0 else 0
    return 0


def after_tags(window: Window, offset: int) -> int:
    """Return the offset of the first byte at or after `offset` that is not part of a tag."""
    while offset < window.size and (length := tag_length(window, offset)):
        offset += length
    return min(offset, window.size)


def before_tags(window: Window, end: int) -> int:
    """Return the offset of the ID3v1 and APE tags that end at `end`, or `end` if there are none."""
    while end >= 128:
        if window.read(end - 128, 3) == b"TAG":
            end -= 128
        elif (foot := window.read(end - 32, 32))[:8] == b"APETAGEX":
            length = max(int.from_bytes(foot[12:16], "little"), 32)
            has_header = int.from_bytes(foot[20:24], "little") >> 31
            end -= min(length + (32 if has_header else 0), end)
        else:
            break
    return end


def joined(stretches: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Merge adjacent stretches."""
    result: list[tuple[int, int]] = []
    for start, stop in stretches:
        if result and result[-1][1] == start:
            result[-1] = result[-1][0], stop
        elif stop > start:
            result.append((start, stop))
    return tuple(result)
