"""Sound files, pipes and file objects to samples as they are stored.

libsndfile decodes WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF, AU, CAF and others, recognised by their content
and not by their name; what it cannot read (AAC, WMA, video) goes through `ffmpeg` when that is on PATH.

Time 0 is the first decoded sample. The decoders drop the delay of MP3, AAC, Opus and Vorbis encoders where
the file states it (the LAME tag of an MP3, the edit list of an MP4); then these line up with the WAV they
were made from to within a sample. An MP3 without that tag starts with its encoder's and decoder's delay, 25
ms for LAME: every player plays it that late too, so it is kept.

A file is used as far as it decodes: one that is damaged or ends early raises an AudioWarning, and an
AudioError only if nothing could be decoded. An OGG that ends early cannot be told from a shorter one.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeGuard

import numpy as np
import soundfile
from numpy.typing import NDArray

from beattrack.errors import AudioError

Piece: TypeAlias = NDArray[Any]  # (samples, channels), numbers as stored
DecodedPieces: TypeAlias = tuple[float, Iterator[Piece]]  # sample rate in Hz, pieces in order
PathName: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"
Source: TypeAlias = "PathName | IO[bytes]"

PIECE = 1 << 14  # samples decoded at a time: fits the cache, and is the most that a decoding error loses
PIPE_SECONDS = 10.0  # how long a named pipe may stay silent before its first byte
NOTICED_LOSS = 0.1  # seconds missing at the end before it is worth a warning

# libsndfile tells of a WAV, AIFF or AU that ends early only in its log.
_SHORT_CHUNK = re.compile(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)")
_UNKNOWN_BYTES = 0x7FFF_0000  # writers to a pipe put something near 2^31 or 2^32 into the header
_UNKNOWN_FRAMES = 1 << 60


class AudioWarning(UserWarning):
    """The audio is damaged, yet usable: the message says what was done."""


@contextmanager
def opened(source: Source) -> Iterator[tuple[DecodedPieces, str]]:
    """Open a path, "-" for standard input, or a binary file object.

    Gives (sample rate in Hz, pieces (samples, channels) as stored) and the source's name for messages.
    Raises AudioError for what cannot be opened; the pieces raise it where nothing decodes, and AudioWarning
    where not all does.
    """
    with _as_file(source) as (path, name), _decoder(path, name) as decoding:
        yield decoding, name


def display_name(path: PathName) -> str:
    """Give a file name as one printable line: control characters and undecodable bytes as escapes."""
    name = os.fsdecode(path)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


# --- sources ------------------------------------------------------------------------------------------------


@contextmanager
def _as_file(source: Source) -> Iterator[tuple[str, str]]:
    """Give the path of a regular, non-empty file with the bytes of `source`, and the source's name.

    Decoders need to seek, so what is not a file on disk is copied to a temporary one.
    """
    if source == "-":
        if sys.stdin is None:
            raise AudioError("standard input: is closed")
        with _spooled(sys.stdin.buffer, "standard input") as path:
            yield path, "standard input"
    elif _is_file_object(source):
        with _spooled(source, "file object") as path:
            yield path, "file object"
    elif isinstance(source, str | bytes | os.PathLike):
        path, name = os.fsdecode(source), display_name(source)
        if _is_pipe(path, name):
            with _open_pipe(path, name) as pipe, _spooled(pipe, name) as spooled:
                yield spooled, name
        else:
            yield path, name
    else:
        raise AudioError(f"the audio must be a path or a file object, not {type(source).__name__}")


def _is_file_object(source: Source) -> TypeGuard[IO[bytes]]:
    return hasattr(source, "read")


def _is_pipe(path: str, name: str) -> bool:
    """Tell a named pipe (True) from a file of at least one byte (False).

    Raises AudioError for everything else.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        gone = "is a link to a file that does not exist" if os.path.islink(path) else "does not exist"
        raise AudioError(f"{name}: {gone}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise AudioError(f"{name}: cannot be opened ({_reason(error)})") from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{name}: is a folder, not an audio file")
    if stat.S_ISFIFO(status.st_mode):
        return True
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{name}: is not a regular file")
    if status.st_size == 0:
        raise AudioError(f"{name}: is empty (0 bytes)")
    return False


def _open_pipe(path: str, name: str) -> IO[bytes]:
    try:
        # Without O_NONBLOCK, opening a pipe that nothing writes to would wait forever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise AudioError(f"{name}: cannot be opened ({_reason(error)})") from error
    if not select.select([descriptor], [], [], PIPE_SECONDS)[0]:
        os.close(descriptor)
        raise AudioError(f"{name}: is a pipe that nothing was written to for {PIPE_SECONDS:g} seconds")
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


@contextmanager
def _spooled(file: IO[bytes], name: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="beattrack-") as folder:
        path = Path(folder) / "audio"
        try:
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
        except TypeError as error:
            raise AudioError(f"{name}: must be opened in binary mode") from error
        except (OSError, ValueError) as error:  # ValueError: the file object is closed
            raise AudioError(f"{name}: cannot be read ({_reason(error)})") from error
        if path.stat().st_size == 0:
            raise AudioError(f"{name}: is empty (0 bytes)")
        yield str(path)


# --- libsndfile ---------------------------------------------------------------------------------------------


@contextmanager
def _decoder(path: str, name: str) -> Iterator[DecodedPieces]:
    sound = _open_sound(path, name)
    if sound is not None:
        with sound:
            yield float(sound.samplerate), _sound_pieces(sound, path, name)
    else:
        with _ffmpeg(path, name) as decoding:
            yield decoding


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is not typed
    """A sound file read from start to end.

    soundfile seeks to where it already is after each read of a seekable file, and an MP3 decoder that seeks
    loses the bits which its frames borrow from those before.
    """

    def seekable(self) -> bool:
        return False


def _open_sound(path: str, name: str) -> _Forward | None:
    try:
        # By descriptor any file name will do, and libsndfile cannot take the suffix for the format (it would
        # play a text file named .au as headerless audio). On Windows libraries share no descriptors.
        return _Forward(path if os.name == "nt" else os.open(path, os.O_RDONLY))
    except OSError as error:
        raise AudioError(f"{name}: cannot be opened ({_reason(error)})") from error
    except (soundfile.SoundFileError, TypeError):  # TypeError: the suffix .raw, on Windows
        return None


def _sound_pieces(sound: _Forward, path: str, name: str) -> Iterator[Piece]:
    # 16-bit samples as they are: converting them to float32 while mixing down is twice as fast.
    dtype = "int16" if sound.subtype == "PCM_16" else "float32"
    buffer = np.empty((PIECE, sound.channels), dtype)
    decoded = 0
    incomplete = _lacks_data(sound)
    try:
        while len(piece := sound.read(out=buffer)):
            decoded += len(piece)
            yield piece
    except soundfile.SoundFileError as error:
        if not decoded:
            raise AudioError(f"{name}: is damaged, nothing of it could be decoded") from error
        incomplete = True
    missing = sound.frames - decoded
    if incomplete or (missing > NOTICED_LOSS * sound.samplerate and _states_length(sound, path)):
        _warn_incomplete(name, decoded / sound.samplerate)


def _lacks_data(sound: _Forward) -> bool:
    """Tell from libsndfile's log whether the file holds less than its header promises."""
    chunk = _SHORT_CHUNK.search(sound.extra_info)
    if chunk is None:
        return False
    promised, held = int(chunk[1]), int(chunk[2])
    return promised < _UNKNOWN_BYTES and promised - held > NOTICED_LOSS * float(sound.samplerate)


def _states_length(sound: _Forward, path: str) -> bool:
    """Tell whether the number of frames is the file's own statement."""
    if sound.frames >= _UNKNOWN_FRAMES:  # a FLAC written to a pipe
        return False
    if sound.format != "MP3":
        return True
    # Without one of these tags it was guessed from the bit rate of the first frame.
    with open(path, "rb") as file:
        head = file.read(1 << 20)
    return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))


def _warn_incomplete(name: str, seconds: float) -> None:
    message = f"{name}: is damaged or ends early, only {seconds:.1f} s of it could be used"
    warnings.warn(message, AudioWarning, stacklevel=2)


# --- ffmpeg -------------------------------------------------------------------------------------------------


@contextmanager
def _ffmpeg(path: str, name: str) -> Iterator[DecodedPieces]:
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{name}: is damaged or not WAV, FLAC, OGG, MP3, AIFF or their like; "
            "to read AAC, WMA and video too, install ffmpeg"
        )
    # `file:` keeps a name from being read as an option or an address, the whitelist keeps playlists off the
    # network. AU: a header of six numbers, then floats, the channels as they are, so that the mean stays
    # ours.
    command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file", "-i", f"file:{path}"]
    command += ["-map", "0:a:0", "-f", "au", "-c:a", "pcm_f32be", "pipe:1"]
    with tempfile.TemporaryFile() as log:  # not a pipe, which could fill up and stop ffmpeg
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        except OSError as error:
            raise AudioError(f"{name}: {program} cannot be run ({_reason(error)})") from error
        with process:
            try:
                yield _ffmpeg_decoding(process, log, name)
            finally:
                process.kill()


def _ffmpeg_decoding(process: subprocess.Popen[bytes], log: IO[bytes], name: str) -> DecodedPieces:
    output = process.stdout
    header = output.read(24) if output else b""
    if output is None or len(header) < 24:
        process.wait()
        raise AudioError(f"{name}: neither libsndfile nor ffmpeg can read it ({_complaint(log)})")
    _, offset, _, _, rate, channels = struct.unpack(">6I", header)
    output.read(offset - len(header))

    def pieces() -> Iterator[Piece]:
        size = 4 * channels
        decoded = 0
        while samples := len(data := output.read(PIECE * size)) // size:
            decoded += samples
            yield np.frombuffer(data, ">f4", samples * channels).reshape(samples, channels)
        failed = process.wait() != 0
        if failed and not decoded:
            raise AudioError(f"{name}: is damaged, nothing of it could be decoded ({_complaint(log)})")
        if failed or os.fstat(log.fileno()).st_size:
            _warn_incomplete(name, decoded / rate)

    return float(rate), pieces()


def _complaint(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    if any("matches no streams" in line for line in lines):
        return "it holds no audio"
    return display_name(lines[-1].rpartition(": ")[2]).lower()
