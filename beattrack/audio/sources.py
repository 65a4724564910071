"""Make paths, URLs, pipes, file objects and bytes available as files on disk.

Decoders need to seek, so sources that are not regular files are copied to a temporary file.
"""

from __future__ import annotations

import io
import os
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TypeGuard

import soundfile

from beattrack.audio.base import Source, display_name, reason
from beattrack.errors import AudioError
from beattrack.runtime import remote

PIPE_SECONDS = 10.0  # longest wait for the first byte of a named pipe
_LONGEST_NAME = 4096  # bytes in a path


def is_content(source: object) -> TypeGuard[bytes | bytearray | memoryview]:
    """Return whether `source` is the content of a file and not bytes that could be a path."""
    if isinstance(source, bytes):
        return len(source) > _LONGEST_NAME or b"\0" in source
    return isinstance(source, bytearray | memoryview)


def file_name(source: object) -> str | None:
    """Return the path of a source, or None if it has none."""
    if isinstance(source, soundfile.SoundFile):
        source = source.name
    if isinstance(source, str | bytes | os.PathLike) and source != "-" and not is_content(source):
        return os.fsdecode(source)
    return None


@contextmanager
def on_disk(source: Source) -> Iterator[tuple[str, str]]:
    """Make a source available as a regular, non-empty file.

    Args:
        source: path, URL, "-" for standard input, binary file object, or the bytes of a file.

    Yields:
        The path of the file, and the name of the source for messages.

    Raises:
        AudioError: if the source cannot be read or is empty.
        MissingExtraError: if the source is a URL and fsspec is not installed.
    """
    if remote.is_url(source) and not os.path.exists(source):
        with _at_url(source) as path:
            yield path, display_name(source)
    elif source == "-":
        if sys.stdin is None:
            raise AudioError("standard input: is closed")
        with _spooled(sys.stdin.buffer, "standard input") as path:
            yield path, "standard input"
    elif is_content(source):
        with _spooled(io.BytesIO(source), "bytes") as path:
            yield path, "bytes"
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
        kind = type(source).__name__
        raise AudioError(f"the audio must be a path, a file object or the bytes of a file, not {kind}")


@contextmanager
def _at_url(url: str) -> Iterator[str]:
    path, name = remote.local_path(url), display_name(url)
    if path is not None:
        with on_disk(path) as (there, _):
            yield there
        return
    # Not the errors of the block: it reads the copy.
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(remote.downloaded(url))
        except remote.RemoteError as error:
            raise AudioError(str(error).replace(url, name)) from error
        if os.path.getsize(copy) == 0:
            raise AudioError(f"{name}: is empty (0 bytes)")
        yield copy


def _is_file_object(source: object) -> TypeGuard[IO[bytes]]:
    return hasattr(source, "read")


def _is_pipe(path: str, name: str) -> bool:
    """Return True for a named pipe and False for a non-empty regular file; raise AudioError otherwise."""
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        gone = "is a link to a file that does not exist" if os.path.islink(path) else "does not exist"
        raise AudioError(f"{name}: {gone}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise AudioError(f"{name}: cannot be opened ({reason(error)})") from error
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
        raise AudioError(f"{name}: cannot be opened ({reason(error)})") from error
    if not select.select([descriptor], [], [], PIPE_SECONDS)[0]:
        os.close(descriptor)
        raise AudioError(f"{name}: is a pipe, but nothing was written to it for {PIPE_SECONDS:g} seconds")
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
        except (OSError, ValueError) as error:  # ValueError: file object is closed
            raise AudioError(f"{name}: cannot be read ({reason(error)})") from error
        if path.stat().st_size == 0:
            raise AudioError(f"{name}: is empty (0 bytes)")
        yield str(path)
