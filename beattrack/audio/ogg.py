"""Read the pages of Ogg files, to find files that were concatenated or damaged.

libsndfile skips missing and damaged pages silently, so that everything after them is early, and reads only
the first of several concatenated files.

Source: RFC 3533 (page format).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import IO

from beattrack.audio.parts import Layout, Part, Window

_PAGE = struct.Struct("<4sBBqIIIB")
_FIRST = 2  # flag of the first page of a stream
# Ogg's checksum is that of zlib with the bits of each byte reversed and an initial value of 0.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    start: int
    stop: int
    first: bool  # of a stream
    serial: int  # which stream
    number: int  # in the stream
    position: int  # samples up to its end; 0 in headers


@dataclass
class _Link:
    """One of several concatenated files.

    Attributes:
        start: offset of the file.
        stop: offset of its end.
        streams: last page of each stream, by serial number.
        headers: whether only first pages have been found so far.
        gaps: whether pages are missing.
    """

    start: int
    stop: int
    streams: dict[int, _Page] = field(default_factory=dict)
    headers: bool = True
    gaps: bool = False

    def add(self, page: _Page) -> None:
        before = self.streams.get(page.serial)
        # A recorded broadcast lacks the pages between the headers and the first samples.
        if before is not None and before.position > 0 and page.number != before.number + 1:
            self.gaps = True
        self.streams[page.serial] = page
        self.headers = page.first
        self.stop = page.stop


def inspect(file: IO[bytes], size: int) -> Layout | None:
    """Return the layout of an Ogg file.

    Args:
        file: the open file.
        size: its size in bytes.

    Returns:
        The layout, without parts if the file is not concatenated; None if it has no Ogg pages.
    """
    window = Window(file, size)
    links: list[_Link] = []
    damaged = short = False
    position = 0
    while position < size:
        page = _page(window, position)
        if page is None:
            after = _next_page(window, position + 1)
            damaged |= after < size
            short |= after == size and window.read(position, 4) == b"OggS"
            position = after
            continue
        if not links or (page.first and not links[-1].headers):
            links.append(_Link(page.start, page.stop))
        links[-1].add(page)
        position = page.stop
    if not links:
        return None
    parts = tuple(Part(((link.start, link.stop),)) for link in links) if len(links) > 1 else ()
    return Layout(
        parts,
        damaged=damaged or any(link.gaps for link in links),
        short=short,
        mixed=any(len(link.streams) > 1 for link in links),
    )


def _page(window: Window, start: int) -> _Page | None:
    """Return the page at `start`, or None if there is no intact page."""
    head = window.read(start, _PAGE.size + 255)
    if len(head) < _PAGE.size or head[:4] != b"OggS":
        return None
    _, _, flags, position, serial, number, checksum, segments = _PAGE.unpack_from(head)
    length = _PAGE.size + segments + sum(head[_PAGE.size : _PAGE.size + segments])
    page = window.read(start, length)
    if len(page) < length or _checksum(page[:22] + bytes(4) + page[26:]) != checksum:
        return None
    return _Page(start, start + length, bool(flags & _FIRST), serial, number, position)


def _next_page(window: Window, start: int) -> int:
    """Return the offset of the next intact page, or the size of the file if there is none."""
    while (start := window.find(b"OggS", start)) >= 0:
        if _page(window, start) is not None:
            return start
        start += 1
    return window.size


def _checksum(data: bytes) -> int:
    reflected = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
