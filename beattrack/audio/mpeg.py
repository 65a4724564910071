"""Find the frames of MPEG audio (MP3 and the older layers) and read its tags.

Files that were concatenated, cut or overwritten have other bytes between their frames, at which libmpg123
stops, and the tag in the first frame may state a wrong number of frames. The layout found here matches
players: all frames in order, without the first one if it is a tag.

Sources: ISO 11172-3 for the header of a frame, G. Bouvigne's "Mp3 Info Tag rev 1" for the Xing and LAME tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from struct import Struct
from typing import IO

from beattrack.audio.base import NOTICED_LOSS
from beattrack.audio.parts import Layout, Part, Window, after_tags, joined

DECODER_DELAY = 529  # samples added by any layer III decoder
FILTER_DELAY = 481  # samples added by the filter banks of layers I and II in encoder and decoder together

_STREAM = 0xFFFE0C00  # bits of a header that all frames of a stream share: sync, version, layer, rate
_MODE, _MONO = 0xC0, 0xC0
_HEADER = Struct(">I")
# The first three bytes of a header, except version 1, layer 0, rate 3 and the bit rates 0 and 15.
_SYNC = re.compile(
    b"\xff[%b][%b]"
    % (
        re.escape(bytes(b for b in range(0xE0, 0x100) if b >> 3 & 3 != 1 and b >> 1 & 3)),
        re.escape(bytes(b for b in range(0x10, 0xF0) if b >> 2 & 3 != 3)),
    ),
    re.DOTALL,
)
_CHAIN, _FOREIGN_CHAIN = 3, 5  # consecutive frames that prove a stream: the current one, another one
_TAGS = re.compile(b"ID3|APETAGEX|TAG")
_COMMENTS = 1 << 24  # bytes before the first frame that are searched for comments
_FIRST_FRAME = 1 << 16  # the first frame must begin within this many bytes

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
_KBITS = {  # by layer: version 1, versions 2 and 2.5
    1: (
        (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
        (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    ),
    2: (
        (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    ),
    3: (
        (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
        (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    ),
}
# iTunes' comment has hexadecimal numbers: zeros, encoder delay, encoder padding, number of samples.
_ITUNES = re.compile(rb"iTunSMPB[^0-9A-F]{0,4}[0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{8}) ", re.IGNORECASE)


@dataclass(frozen=True)
class _Header:
    """The header of a frame, given as its 32 bits."""

    bits: int

    @property
    def layer(self) -> int:
        return 4 - (self.bits >> 17 & 3)

    @property
    def first_version(self) -> bool:
        return self.bits >> 19 & 3 == 3

    @property
    def mono(self) -> bool:
        return self.bits & _MODE == _MONO

    @property
    def samples(self) -> int:
        if self.layer == 1:
            return 384
        return 1152 if self.layer == 2 or self.first_version else 576

    @property
    def hertz(self) -> int:
        """Sample rate in Hz; 0 if the bits are not a header."""
        rates = _RATES.get(self.bits >> 19 & 3, ())
        rate = self.bits >> 10 & 3
        return rates[rate] if rate < len(rates) else 0

    @property
    def length(self) -> int:
        """Length of the frame in bytes; 0 if the bits are not a header or state no bit rate."""
        bit_rate = self.bits >> 12 & 15
        if not self.hertz or self.layer == 4 or not 0 < bit_rate < 15:
            return 0
        bits_a_second = 1000 * _KBITS[self.layer][not self.first_version][bit_rate - 1]
        padding = self.bits >> 9 & 1
        if self.layer == 1:
            return (12 * bits_a_second // self.hertz + padding) * 4
        return self.samples // 8 * bits_a_second // self.hertz + padding

    @property
    def side_information(self) -> int:
        """Number of bytes between the header of a layer III frame and its data, in which tags are stored."""
        if self.first_version:
            return 17 if self.mono else 32
        return 9 if self.mono else 17


# Indexed by bits 9 to 20 of the header, which determine the length.
_LENGTHS = tuple(_Header(bits << 9).length for bits in range(1 << 12))


@dataclass(frozen=True)
class _Tag:
    """Content of a tag in the first frame.

    Attributes:
        length: length of the frame in bytes.
        frames: number of frames that follow; None if not stated.
        delay: samples that the encoder added at the start; None if not stated.
        padding: samples that the encoder added at the end.
        known: whether libmpg123 knows the tag; it decodes others (VBRI) as music.
    """

    length: int
    frames: int | None = None
    delay: int | None = None
    padding: int = 0
    known: bool = True


@dataclass
class _Run:
    """Frames of one stream.

    Attributes:
        header: header of the first frame.
        stretches: (start, stop) offsets of contiguous frames.
        frames: number of complete frames.
        last: offset of the last frame.
        cut: whether the file ends within the last frame.
    """

    header: _Header
    stretches: list[tuple[int, int]] = field(default_factory=list)
    frames: int = 0
    last: int = 0
    cut: bool = False

    @property
    def has_constant_rate(self) -> bool:
        """Whether all frames have the same length, apart from padding."""
        size = sum(stop - start for start, stop in self.stretches)
        slot = 4 if self.header.layer == 1 else 1
        return abs(size - self.frames * self.header.length) <= self.frames * slot + self.header.length

    def leave_out(self, length: int) -> None:
        """Drop the first frame, which is a tag of `length` bytes."""
        start, stop = self.stretches[0]
        self.stretches[0] = start + length, stop
        self.frames -= 1

    def part(self, delay: int = 0, padding: int = 0) -> Part:
        """Return the frames as a file, with a tag that states their number, the delay and the padding."""
        # Without a tag, libsndfile estimates the number from the first bit rate and stops there.
        stretches = joined(self.stretches)
        if self.header.layer != 3:
            return Part(stretches, skip=delay)
        return Part(stretches, header=_lame_frame(self.header, self.frames + self.cut, delay, padding))


def inspect(file: IO[bytes], size: int) -> Layout | None:
    """Return the layout of an MPEG audio file.

    Args:
        file: the open file.
        size: its size in bytes.

    Returns:
        The layout, without parts if libsndfile reads the file correctly as it is; None if the file is not
        MPEG audio.
    """
    window = Window(file, size)
    start = after_tags(window, 0)
    runs, junk = _runs(window, start)
    if not runs:
        return None
    first = runs[0]
    begin = first.stretches[0][0]
    tag = _read_tag(window, begin, first.header)
    frames = first.frames - (tag is not None)
    delay, padding = _delay(tag, window.read(0, min(start, _COMMENTS)), first.header)
    unbroken = len(runs) == 1 and len(joined(first.stretches)) == 1 and begin == start
    counted = tag is not None and tag.frames is not None and abs(tag.frames - frames) <= 1
    noticed = NOTICED_LOSS * first.header.length / first.header.samples * first.header.hertz
    end = after_tags(window, runs[-1].stretches[-1][1])
    # A truncated file ends within a frame or with blocks that were never written. Otherwise the tag is wrong.
    missing = tag is not None and tag.frames is not None and tag.frames > frames + 1
    short = missing and (runs[-1].cut or size - end > noticed)
    # Delay and padding together are shorter than four frames.
    samples = sum(_samples(run, first.header) for run in runs) - 4 * first.header.samples
    if tag is None:
        correct = delay == 0 and first.has_constant_rate
    else:
        correct = tag.known and (counted or short) and (tag.delay is not None or delay == DECODER_DELAY)
    if unbroken and correct:
        return Layout((), samples=samples, short=short)
    if tag is not None:
        first.leave_out(tag.length)
    exact = unbroken and (tag is None or counted)
    parts = [first.part(delay, padding if exact else 0), *(run.part() for run in runs[1:])]
    return Layout(tuple(parts), samples=samples, damaged=junk > noticed, short=short)


def _samples(run: _Run, like: _Header) -> int:
    """Return the number of samples of a run, converted to the sample rate of `like`."""
    return run.frames * run.header.samples * like.hertz // run.header.hertz


def _delay(tag: _Tag | None, comments: bytes, header: _Header) -> tuple[int, int]:
    """Return the samples to remove at the start, and the encoder's padding at the end."""
    # If no tag states the delay of the encoder, it is unknown; that of the decoder is removed only after a
    # tag, as players do.
    if header.layer != 3:
        return FILTER_DELAY, 0
    if tag is not None and tag.delay is not None:
        return tag.delay + DECODER_DELAY, tag.padding
    # In UTF-16 every other byte of the comment is zero.
    if found := _ITUNES.search(comments.replace(b"\0", b"")):
        delay, padding = int(found[1], 16), int(found[2], 16)
        if max(delay, padding) < 1 << 12:
            return delay + DECODER_DELAY, padding
    return (DECODER_DELAY if tag is not None and tag.known else 0), 0


def _read_tag(window: Window, offset: int, header: _Header) -> _Tag | None:
    """Read the Xing, Info or VBRI tag in the frame at `offset`, if there is one."""
    frame = window.read(offset, header.length)
    if header.layer != 3:
        return None
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return _Tag(len(frame), frames=_HEADER.unpack_from(frame, 50)[0], known=False)
    place = 4 + header.side_information
    if frame[place : place + 4] not in (b"Xing", b"Info"):
        return None
    rest = frame[place + 4 :]
    return _xing(len(frame), int.from_bytes(rest[:4], "big"), rest[4:])


def _xing(length: int, flags: int, rest: bytes) -> _Tag:
    """Read a Xing tag, in which each entry has a flag."""
    frames = int.from_bytes(rest[:4], "big") if flags & 1 else None
    for bit, entry in enumerate((4, 4, 100, 4)):  # frames, bytes, seek table, quality
        if flags >> bit & 1:
            rest = rest[entry:]
    # LAME's extension: nine letters, then numbers, among them delay and padding with 12 bits each.
    if len(rest) < 24 or not rest[:4].isalnum():
        return _Tag(length, frames)
    both = int.from_bytes(rest[21:24], "big")
    return _Tag(length, frames, delay=both >> 12, padding=both & 0xFFF)


def _lame_frame(header: _Header, frames: int, delay: int, padding: int) -> bytes:
    """Return a frame with LAME's tag for `frames` frames, `delay` samples of which are to be removed."""
    # The decoder always removes its own delay, so a silent frame follows the tag if `delay` is smaller. The
    # frame has no checksum (bit 16) and the lowest bit rate with room for the tag.
    bits = (header.bits | 1 << 16) & ~(15 << 12)
    frame = next(frame for rate in range(1, 15) if (frame := _Header(bits | rate << 12)).length >= 96)
    silence = b""
    if delay < DECODER_DELAY:
        silence = _HEADER.pack(frame.bits) + bytes(frame.length - 4)
        frames, delay = frames + 1, delay + header.samples
    both = (delay - DECODER_DELAY) << 12 | padding
    lame = b"LAME3.100" + bytes(12) + both.to_bytes(3, "big")
    tag = b"Xing" + _HEADER.pack(1) + _HEADER.pack(frames) + lame
    head = _HEADER.pack(frame.bits) + bytes(header.side_information) + tag
    return head + bytes(frame.length - len(head)) + silence


# --- frames -------------------------------------------------------------------------------------------------


def _runs(window: Window, start: int) -> tuple[list[_Run], int]:
    """Return all frames from `start` on, and the number of junk bytes between them."""
    runs: list[_Run] = []
    junk = 0
    position = _next_frame(window, start, None, start + _FIRST_FRAME)
    while position is not None:
        header = _Header(_bits(window, position))
        if not runs or not _same(runs[-1].header, header.bits):
            runs.append(_Run(header))
        end = after_tags(window, _follow(window, runs[-1], position))
        position = _next_frame(window, end, header, window.size)
        if position is not None:
            junk += _junk(window, runs[-1].last, end, position)
    return runs, junk


def _junk(window: Window, last: int, end: int, following: int) -> int:
    """Return the number of bytes from `end` to `following`, two frames, that are neither tags nor zeros."""
    # A tag may begin within the previous frame, at `last`.
    for tag in _TAGS.finditer(window.read(last, end - last)):
        behind = after_tags(window, last + tag.start())
        if end < behind <= following:
            end = behind
            break
    return following - end if window.read(end, following - end).strip(b"\0") else 0


def _follow(window: Window, run: _Run, start: int) -> int:
    """Add the contiguous frames from `start` on to a run, and return the offset of their end."""
    position, frames = start, 0
    stream, mono = run.header.bits & _STREAM, run.header.mono
    unpack, lengths, size = _HEADER.unpack_from, _LENGTHS, window.size
    going = True
    while going and position + 4 <= size:
        offset, data = window.chunk(position)
        last = offset + len(data) - 4
        while position <= last:
            bits = unpack(data, position - offset)[0]
            length = lengths[bits >> 9 & 0xFFF]
            if bits & _STREAM != stream or (bits & _MODE == _MONO) != mono or not length:
                going = False
                break
            run.last = position
            position += length
            frames += 1
    run.cut = position > size
    run.frames += frames - run.cut
    run.stretches.append((start, min(position, size)))
    return min(position, size)


def _next_frame(window: Window, start: int, stream: _Header | None, limit: int) -> int | None:
    """Return the offset of the next frame of any stream, or None if there is none before `limit`."""
    offset, limit = start, min(limit, window.size - 3)
    while offset < limit:
        first, data = window.chunk(offset)
        for found in _SYNC.finditer(data, offset - first):
            place = first + found.start()
            if place >= limit:
                return None
            if _is_chain(window, place, stream):
                return place
        offset = max(first + len(data) - 2, offset + 1)
    return None


def _is_chain(window: Window, start: int, stream: _Header | None) -> bool:
    """Return whether enough consecutive frames start at `start`, or fill the rest of the file."""
    header = _Header(_bits(window, start))
    # Continuing the current stream needs less proof than starting another one.
    wanted = _CHAIN if stream is not None and _same(stream, header.bits) else _FOREIGN_CHAIN
    position = start
    for count in range(wanted):
        if position + 4 > window.size:
            return count > 1 or (count == 1 and position == window.size)
        bits = _bits(window, position)
        length = _LENGTHS[bits >> 9 & 0xFFF]
        if not length or not _same(header, bits):
            return count > 0 and after_tags(window, position) == window.size
        position += length
    return True


def _bits(window: Window, offset: int) -> int:
    return int.from_bytes(window.read(offset, 4), "big")


def _same(header: _Header, bits: int) -> bool:
    """Return whether the frame with header `bits` belongs to the same stream as `header`."""
    return bits & _STREAM == header.bits & _STREAM and (bits & _MODE == _MONO) == header.mono
