"""WAV or raw PCM from a pipe, as a live source: the samples are used as they come."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.audio.base import AudioWarning, Piece
from beattrack.audio.headers import UNKNOWN_BYTES
from beattrack.audio.reading import MAX_CHANNELS, MAX_RATE, MIN_RATE
from beattrack.errors import AudioError
from beattrack.live.source import LiveSource
from beattrack.runtime import checks

SampleFormat: TypeAlias = Literal["s16le", "f32le"]
SAMPLE_FORMATS: tuple[SampleFormat, ...] = get_args(SampleFormat)

READ_FRAMES = 1024  # most frames read at a time
_LONGEST_HEADER = 1 << 24  # bytes before the samples
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_KINDS = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "24",
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}
_OTHERS = {b"fLaC": "FLAC", b"OggS": "OGG", b"ID3": "MP3", b"\xff\xfb": "MP3", b"FORM": "AIFF"}


class Pipe(Protocol):
    """What is read: a buffered binary stream such as standard input."""

    def read1(self, size: int, /) -> bytes:
        """Return up to `size` bytes, as many as are there; b"" at the end."""


@dataclass(frozen=True, kw_only=True)
class RawFormat:
    """Format of raw PCM.

    Attributes:
        sample_rate: sample rate in Hz.
        channels: number of channels, interleaved.
        sample_format: 16-bit integers or 32-bit floats, little-endian.

    Raises:
        SettingsError: if a value is out of range.
    """

    sample_rate: int
    channels: int = 1
    sample_format: SampleFormat = "s16le"

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "sample_rate": checks.between(MIN_RATE, MAX_RATE, whole=True),
                "channels": checks.between(1, MAX_CHANNELS, whole=True),
                "sample_format": checks.choice(SAMPLE_FORMATS),
            },
        )


def piped(pipe: Pipe, name: str, raw: RawFormat | None = None) -> LiveSource:
    """Return the samples of a pipe.

    Args:
        pipe: binary stream.
        name: its name for messages.
        raw: format of raw PCM; None for WAV.

    Raises:
        AudioError: if it is empty or not a WAV file; while the chunks are read, if it ends within a frame.

    Warns:
        AudioWarning: while the chunks are read, if a WAV ends before the length that it states.
    """
    reader = _Reader(pipe, name)
    head = reader.peek(12)
    if not head:
        raise AudioError(f"{name}: is empty (0 bytes)")
    is_wav = head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"
    if raw is not None and not is_wav:
        kind = "<i2" if raw.sample_format == "s16le" else "<f4"
        return _source(reader, _Layout(raw.sample_rate, raw.channels, kind, None))
    if raw is not None:
        raise AudioError(
            f"{name}: is a WAV file, which states its own format; leave out the options for raw PCM"
        )
    if not is_wav:
        raise _not_wav(head, name)
    return _source(reader, _wav_layout(reader))


@dataclass(frozen=True)
class _Layout:
    """Format of the samples, and their number of bytes; None if unknown."""

    rate: int
    channels: int
    kind: str  # a type of NumPy, or "24"
    bytes: int | None

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * (3 if self.kind == "24" else np.dtype(self.kind).itemsize)


class _Reader:
    """A pipe from which exact numbers of bytes can be read, and the first bytes can be looked at."""

    def __init__(self, pipe: Pipe, name: str) -> None:
        self._pipe, self.name = pipe, name
        self._held = b""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer at the end, without removing them."""
        while len(self._held) < size and (data := self._read(size - len(self._held))):
            self._held += data
        return self._held[:size]

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes; raise AudioError if there are fewer."""
        data = self.peek(size)
        if len(data) < size:
            raise AudioError(f"{self.name}: ends within the header of the WAV; it holds no samples")
        self._held = self._held[size:]
        return data

    def some(self, size: int) -> bytes:
        """Return up to `size` bytes, as many as are there; b"" at the end."""
        if self._held:
            data, self._held = self._held[:size], self._held[size:]
            return data
        return self._read(size)

    def _read(self, size: int) -> bytes:
        try:
            return self._pipe.read1(size)
        except (OSError, ValueError) as error:  # ValueError: closed
            reason = str(getattr(error, "strerror", None) or error).lower()
            raise AudioError(f"{self.name}: cannot be read ({reason})") from error


def _wav_layout(reader: _Reader) -> _Layout:
    """Read the header of a WAV up to its first sample."""
    reader.exactly(12)
    description, long_size, read = b"", 0, 12
    while True:
        head = reader.exactly(8)
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return _described(reader.name, description, _data_bytes(size, long_size))
        read += 8 + size
        if read > _LONGEST_HEADER:
            raise AudioError(f"{reader.name}: is a damaged WAV file; no samples were found in it")
        body = reader.exactly(size + size % 2)
        if head[:4] == b"fmt ":
            description = body
        elif head[:4] == b"ds64":
            long_size = int.from_bytes(body[8:16], "little")


def _data_bytes(size: int, long_size: int) -> int | None:
    """Return the number of bytes of samples that a header states; None if it was written to a pipe."""
    if size == 0xFFFFFFFF and 0 < long_size < 1 << 62:
        return long_size
    return None if size == 0 or size >= UNKNOWN_BYTES else size


def _described(name: str, description: bytes, size: int | None) -> _Layout:
    if len(description) < 16:
        raise AudioError(f"{name}: is a damaged WAV file; it does not describe its samples")

    def field(start: int, stop: int) -> int:
        return int.from_bytes(description[start:stop], "little")

    coding, channels, rate, bits = field(0, 2), field(2, 4), field(4, 8), field(14, 16)
    if coding == _EXTENSIBLE and len(description) >= 26:
        coding = field(24, 26)
    if (coding, bits) not in _KINDS:
        raise AudioError(
            f"{name}: is a WAV file of a coding that cannot be streamed (format {coding}, {bits} bits); "
            "convert it with `ffmpeg -i - -f wav -c:a pcm_s16le -`"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"{name}: states {channels} channels; 1 to {MAX_CHANNELS} are supported")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{name}: the sample rate must be {MIN_RATE} to {MAX_RATE} Hz, not {rate}")
    return _Layout(rate, channels, _KINDS[coding, bits], size)


def _source(reader: _Reader, layout: _Layout) -> LiveSource:
    return LiveSource(reader.name, float(layout.rate), layout.channels, _chunks(reader, layout))


def _chunks(reader: _Reader, layout: _Layout) -> Iterator[Piece]:
    held, left = b"", layout.bytes
    heard = 0
    while left is None or left > 0:
        most = READ_FRAMES * layout.frame
        data = reader.some(most if left is None else min(most, left))
        if not data:
            break
        left = None if left is None else left - len(data)
        held += data
        whole = len(held) - len(held) % layout.frame
        if whole:
            heard += whole
            yield _samples(held[:whole], layout)
            held = held[whole:]
    if not heard and not held:
        raise AudioError(f"{reader.name}: holds no samples")
    if held:
        raise AudioError(
            f"{reader.name}: ends within a frame, after {len(held)} of {layout.frame} bytes; "
            "check the number of channels and the sample format"
        )
    if left:
        seconds = heard / layout.frame / layout.rate
        warnings.warn(
            f"{reader.name}: is damaged or ends early; only {seconds:.1f} s of it could be used",
            AudioWarning,
            stacklevel=1,
        )
    _drain(reader.some)


def _drain(some: Callable[[int], bytes]) -> None:
    """Read what follows the samples, so that the program that writes it does not fail."""
    while some(1 << 16):
        pass


def _samples(data: bytes, layout: _Layout) -> Piece:
    """Return bytes as samples, (samples, channels)."""
    if layout.kind != "24":
        samples: Piece = np.frombuffer(data, layout.kind)
    else:
        padded: NDArray[np.uint8] = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = padded.view("<i4")
    return samples.reshape(-1, layout.channels)


def _not_wav(head: bytes, name: str) -> AudioError:
    kinds = [kind for start, kind in _OTHERS.items() if head.startswith(start)]
    if kinds:
        return AudioError(
            f"{name}: is {kinds[0]}, which cannot be streamed; convert it with "
            "`ffmpeg -i - -f wav - | beattrack stream -`"
        )
    return AudioError(
        f"{name}: is not a WAV file; for raw PCM, give --sample-rate, --channels and --sample-format"
    )
