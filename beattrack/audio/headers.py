"""Correct headers for WAV, RF64, AIFF, AU and CAF files that state a wrong number of bytes.

Programs that write to a pipe or are killed leave 0, -1 or an old number in the header; a WAV of more than
4 GiB may state only the remainder. Some programs omit the byte that pads a chunk of odd length. libsndfile
trusts the header, so such files get a correct one here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Literal

from beattrack.audio.parts import Layout, Part, Window, tag_length

UNKNOWN_BYTES = 0x7FFF_0000  # programs that write to a pipe state a number near 2^31 or 2^32
_LONGEST_HEADER = 1 << 24  # bytes before the samples, such as pictures and broadcast metadata
_MOST_WAV = (1 << 32) - (1 << 16)
_NAMES = (b"data", b"fmt ", b"fact", b"LIST", b"bext", b"iXML", b"JUNK", b"id3 ", b"SSND", b"COMM")
_NOTICED_REST = 4096  # fewer bytes after the samples are ignored


@dataclass(frozen=True)
class _Format:
    """How a format writes its chunks.

    Attributes:
        order: order of the bytes in a number.
        sound: name of the chunk with the samples.
        width: bytes in a size field.
        pad: chunks are padded to a multiple of this number of bytes.
        first: offset of the first chunk.
        lead: bytes in the sound chunk before the samples.
    """

    order: Literal["little", "big"]
    sound: bytes
    width: int = 4
    pad: int = 2
    first: int = 12
    lead: int = 0

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)

    def write(self, number: int) -> bytes:
        """Return a size field; a number that does not fit becomes the largest value, which means unknown."""
        return min(number, (1 << 8 * self.width) - 1).to_bytes(self.width, self.order)


_WAV, _BIG_WAV = _Format("little", b"data"), _Format("big", b"data")
_AIFF = _Format("big", b"SSND", lead=8)
_CAF = _Format("big", b"data", width=8, pad=1, first=8, lead=4)


@dataclass(frozen=True)
class _Sound:
    """The location of the samples in a chunked file.

    Attributes:
        start: offset of the first sample.
        stated: bytes of samples according to the header.
        regular: whether all chunks before the samples have the lengths that they state.
        description: body of the chunk `fmt ` of a WAV.
    """

    start: int
    stated: int
    regular: bool
    description: bytes


def inspect(file: IO[bytes], size: int) -> Layout | None:
    """Return a layout with a correct header, or None if the file needs none."""
    window = Window(file, size)
    head = window.read(0, 12)
    if _is_wav(head):
        return _wav(window)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        part = _patched(window, _AIFF)
    elif head[:4] == b"caff":
        part = _patched(window, _CAF)
    elif head[:4] == b".snd":
        part = _au(window)
    else:
        part = None
    return None if part is None else Layout((part,))


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def _wav(window: Window) -> Layout | None:
    """Return the layout of one or more WAV files, or None for a single one with a correct header."""
    parts: list[Part] = []
    as_it_is = True
    base = 0
    while _is_wav(head := window.read(base, 12)):
        form = _BIG_WAV if head[:4] == b"RIFX" else _WAV
        sound = _find(window, base, form)
        if sound is None:
            break
        length = _length(window, sound, form)
        end = base + 8 + form.number(head[4:8])
        if length is None and sound.regular:
            stop = max(sound.start + sound.stated, min(end, window.size))
            parts.append(Part(((base, min(stop, window.size)),)))
        else:
            as_it_is = False
            length = min(sound.stated, window.size - sound.start) if length is None else length
            stop = sound.start + length
            parts.append(Part(((sound.start, stop),), header=_wav_header(form, sound.description, length)))
        base = stop
    return None if as_it_is and len(parts) < 2 else Layout(tuple(parts))


def _find(window: Window, base: int, form: _Format) -> _Sound | None:
    """Return the location of the samples of the file at offset `base`, or None if there is none."""
    position, regular = base + form.first, True
    description, long_size = b"", 0
    lead = 4 + form.width
    while base <= position < min(window.size - lead, base + _LONGEST_HEADER):
        head = window.read(position, lead)
        stated = form.number(head[4:])
        body = position + lead
        if head[:4] == form.sound:
            if stated == 0xFFFFFFFF and long_size:
                stated = long_size
            return _Sound(body + form.lead, max(stated - form.lead, 0), regular, description)
        if head[:4] == b"fmt ":
            description = window.read(body, min(stated, 4096))
        elif head[:4] == b"ds64":
            long_size = form.number(window.read(body + 8, 8))
        end = body + stated
        position = end + -stated % form.pad
        if window.read(end, 4) in _NAMES and position != end:
            position, regular = end, False  # the byte of padding is missing
        elif not _is_name(window, position):
            position, regular = window.find(form.sound, body), False
    return None


def _is_name(window: Window, offset: int) -> bool:
    name = window.read(offset, 4) if offset < window.size else b""
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _length(window: Window, sound: _Sound, form: _Format) -> int | None:
    """Return the number of bytes of samples, or None if it does not exceed the stated number."""
    rest = window.size - sound.start
    if sound.stated >= UNKNOWN_BYTES and sound.stated > rest:
        return rest
    if rest - sound.stated <= (0 if sound.stated == 0 else _NOTICED_REST):
        return None
    end = sound.start + sound.stated
    if any(_is_foreign(window, place, form) for place in {end, end + end % form.pad}):
        return None
    return None if window.is_zero(end) else rest


def _is_foreign(window: Window, offset: int, form: _Format) -> bool:
    """Return whether a chunk, a tag or another file begins at `offset`, after the samples."""
    if tag_length(window, offset) or _is_wav(window.read(offset, 12)):
        return True
    stated = form.number(window.read(offset + 4, form.width))
    return _is_name(window, offset) and offset + 4 + form.width + stated <= window.size + 1


def _wav_header(form: _Format, description: bytes, length: int) -> bytes:
    """Return the header of a WAV with `length` bytes of samples, or of an RF64 if they do not fit."""
    chunk = b"fmt " + form.write(len(description)) + description + bytes(len(description) % 2)
    if length <= _MOST_WAV or form is _BIG_WAV:
        magic = b"RIFX" if form is _BIG_WAV else b"RIFF"
        return magic + form.write(12 + len(chunk) + length) + b"WAVE" + chunk + b"data" + form.write(length)
    block = max(form.number(description[12:14]), 1)
    sizes = (12 + 36 + len(chunk) + length, length, length // block)
    long_sizes = b"".join(number.to_bytes(8, "little") for number in sizes) + bytes(4)
    unknown = form.write(1 << 32)
    head = b"RF64" + unknown + b"WAVE" + b"ds64" + form.write(len(long_sizes)) + long_sizes
    return head + chunk + b"data" + unknown


def _patched(window: Window, form: _Format) -> Part | None:
    """Return a file with a corrected size of its sound chunk, or None if the size is correct."""
    sound = _find(window, 0, form)
    length = None if sound is None or not sound.regular else _length(window, sound, form)
    if sound is None or length is None:
        return None
    header = window.read(0, sound.start)
    place = sound.start - form.lead - form.width
    size = form.write(length + form.lead)
    header = header[:place] + size + header[place + form.width :]
    return Part(((sound.start, window.size),), header=header)


def _au(window: Window) -> Part | None:
    head = window.read(0, 12)
    start, stated = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    if not 24 <= start <= min(window.size, _LONGEST_HEADER) or stated == 0xFFFFFFFF:
        return None
    length = _length(window, _Sound(start, stated, regular=True, description=b""), _AIFF)
    if length is None:
        return None
    header = window.read(0, start)
    return Part(((start, window.size),), header=header[:8] + b"\xff" * 4 + header[12:])
