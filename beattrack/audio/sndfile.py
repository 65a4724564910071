"""Decode WAV, FLAC, OGG, MP3, AIFF, AU, CAF and others with libsndfile."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from beattrack.audio.base import NOTICED_LOSS, PIECE, Piece, Stream, Trimmed, reason, warn_short
from beattrack.audio.headers import UNKNOWN_BYTES
from beattrack.audio.parts import Part, PartReader
from beattrack.audio.quiet import quiet_libraries
from beattrack.errors import AudioError

# Only libsndfile's log shows that a WAV, AIFF or AU ends early.
_SHORT_CHUNK = re.compile(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)")
_UNKNOWN_FRAMES = 1 << 60
# Formats and encodings whose samples are the same after a seek.
_SEEKABLE = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC")
_LOSSLESS = re.compile(r"PCM_\w+|FLOAT|DOUBLE")
# At the start of a joined FLAC file, libsndfile reports an error from 1.2.2 on, and just ends before.
STOPS_SILENTLY = tuple(map(int, re.findall(r"\d+", soundfile.__libsndfile_version__)[:3])) < (1, 2, 2)


class Sound(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is not typed
    """Sound file that is read from start to end without seeking.

    After each read of a seekable file, soundfile seeks to the current position. This makes an MP3 decoder
    lose the bits of earlier frames that a frame depends on.
    """

    def seekable(self) -> bool:
        """Return False, so that soundfile never seeks."""
        return False

    @property
    def states_length(self) -> bool:
        """Whether the file states the number of frames; for an MP3 libsndfile estimates it."""
        return bool(self.frames < _UNKNOWN_FRAMES and self.format != "MP3")

    @property
    def lacks_data(self) -> bool:
        """Whether the file holds less than its header states, according to libsndfile's log."""
        chunk = _SHORT_CHUNK.search(self.extra_info)
        if chunk is None:
            return False
        promised, held = int(chunk[1]), int(chunk[2])
        return promised < UNKNOWN_BYTES and promised - held > NOTICED_LOSS * float(self.samplerate)


def open_sound(path: str, name: str, part: Part | None = None) -> Sound | None:
    """Open a file, or a part of it.

    Args:
        path: path of the file.
        name: name of the file for messages.
        part: part to open; None opens the whole file.

    Returns:
        The open sound file, or None if libsndfile cannot read it.

    Raises:
        AudioError: if the operating system cannot open the file.
    """
    try:
        with quiet_libraries():
            if part is not None:
                return _PartSound(path, part)
            # A descriptor allows any file name, and libsndfile cannot infer the format from the suffix (it
            # would play a text file named .au). On Windows libraries cannot share descriptors.
            return Sound(path if os.name == "nt" else os.open(path, os.O_RDONLY))
    except OSError as error:
        raise AudioError(f"{name}: cannot be opened ({reason(error)})") from error
    except (soundfile.SoundFileError, TypeError):  # TypeError: the suffix .raw, on Windows
        return None


class _PartSound(Sound):
    """Sound file for a part of a file."""

    def __init__(self, path: str, part: Part) -> None:
        self._on_disk = open(path, "rb")  # noqa: SIM115 - closed with the sound
        try:
            super().__init__(PartReader(self._on_disk, part))
        except BaseException:
            self._on_disk.close()
            raise

    def close(self) -> None:
        """Close the sound file and the file on disk."""
        super().close()
        self._on_disk.close()


def stream_of(sound: Any, name: str) -> Stream:
    """Return the samples of an open `soundfile.SoundFile` from its current position.

    Args:
        sound: the sound file.
        name: its name for messages.

    Raises:
        AudioError: if it is closed or opened for writing.
    """
    if sound.closed:
        raise AudioError(f"{name}: cannot be read (it is closed)")
    if "r" not in sound.mode and "+" not in sound.mode:
        raise AudioError(f"{name}: cannot be read (it is opened for writing)")
    return Stream(float(sound.samplerate), _from_here(sound, name))


def _from_here(sound: Any, name: str) -> Iterator[Piece]:
    sound.seekable = lambda: False  # see `Sound`
    decoded = 0
    try:
        for piece in _pieces(sound):
            decoded += len(piece)
            yield piece
    except soundfile.SoundFileError as error:
        if not decoded:
            raise AudioError(f"{name}: is damaged; nothing of it could be decoded") from error
        warn_short(name, decoded / sound.samplerate)
    finally:
        del sound.seekable


def _pieces(sound: Any) -> Iterator[Piece]:
    """Yield the samples of a sound file; each piece overwrites the previous one."""
    # 16-bit samples stay integers: converting them during mixing is twice as fast.
    dtype = "int16" if sound.subtype == "PCM_16" else "float32"
    buffer = np.empty((PIECE, sound.channels), dtype)
    noisy = sound.format == "MP3"
    while True:
        with quiet_libraries() if noisy else nullcontext():
            piece = sound.read(out=buffer)
        if not len(piece):
            return
        yield piece


class Reading:
    """Iterator over the samples of a file, or of its parts, converted to the rate and channels of the first.

    Attributes:
        rate: sample rate in Hz.
        channels: number of channels.
        format: libsndfile's name of the format.
        decoded: number of samples read so far.
        stated: number of samples according to the file; 0 if unknown. Final after all have been read.
        failed: whether libsndfile could not decode something; set while reading.
        short: whether the file has fewer samples than it states; set while reading.
    """

    def __init__(
        self, first: Sound, path: str, name: str, parts: tuple[Part, ...], samples: int | None
    ) -> None:
        self._first, self._path, self._name = first, path, name
        self._parts = parts or (Part(()),)
        self.stated = samples or 0
        self.rate, self.channels, self.format = float(first.samplerate), int(first.channels), first.format
        self.decoded = 0
        self.failed = self.short = False

    @property
    def duration(self) -> float | None:
        """Duration in seconds that the file states; None if it states none or consists of several parts."""
        sound = self._first
        whole = len(self._parts) == 1 and sound.states_length
        return float(sound.frames / sound.samplerate) if whole else None

    def seek(self, samples: int) -> int:
        """Move to a sample, if this is possible and exact; return the number of samples that were skipped."""
        sound = self._first
        exact = sound.format in _SEEKABLE and _LOSSLESS.fullmatch(sound.subtype) is not None
        if not exact or self._parts[0].skip or self.duration is None or samples >= sound.frames:
            return 0
        try:
            sound.seek(samples)
        except soundfile.SoundFileError:
            return 0
        self.decoded = samples
        return samples

    def __iter__(self) -> Iterator[Piece]:
        for index, part in enumerate(self._parts):
            with ExitStack() as stack:
                sound = self._first if index == 0 else open_sound(self._path, self._name, part)
                if sound is None:
                    self.failed = True
                    continue
                stack.enter_context(sound)
                pieces: Iterable[Piece] = Trimmed(self._part(sound), part.skip)
                if index:
                    pieces = self._like_first(pieces, sound)
                for piece in pieces:
                    self.decoded += len(piece)
                    yield piece
        self.short |= self.stated - self.decoded > NOTICED_LOSS * self.rate

    def _part(self, sound: Sound) -> Iterator[Piece]:
        self.short |= sound.lacks_data
        if sound.states_length:
            self.stated += int(sound.frames * self.rate / sound.samplerate)
        try:
            yield from _pieces(sound)
        except soundfile.SoundFileError:
            self.failed = True

    def _like_first(self, pieces: Iterable[Piece], sound: Sound) -> Iterator[Piece]:
        if sound.channels != self.channels:
            pieces = (_with_channels(piece, self.channels) for piece in pieces)
        if sound.samplerate == self.rate:
            yield from pieces
            return
        stream = soxr.ResampleStream(sound.samplerate, self.rate, self.channels, dtype="float32")
        for piece in pieces:
            yield stream.resample_chunk(_as_float(piece))
        yield stream.resample_chunk(np.empty((0, self.channels), np.float32), last=True)


def _as_float(piece: Piece) -> NDArray[Any]:
    return piece.astype(np.float32) / np.float32(2.0**15) if piece.dtype == np.int16 else piece


def _with_channels(piece: Piece, channels: int) -> NDArray[Any]:
    return np.repeat(_as_float(piece).mean(1, keepdims=True, dtype=np.float32), channels, axis=1)
