"""Writing files so that a reader sees the whole of them or nothing."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_temporaries: set[Path] = set()  # that exist, or may


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place when the block ends well, else delete it.

    A link is written through to its target; a device or pipe, such as /dev/null, is given as it is, since
    nothing may take its place.
    Raises OSError, naming `path`, where it cannot be written.
    """
    target = Path(os.path.realpath(path))
    if is_special(target):
        yield target
        return
    # A short name of its own: the target's may already be as long as the file system allows.
    temporary = target.parent / f".beattrack-{os.getpid()}-{secrets.token_hex(4)}.part"
    _temporaries.add(temporary)
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.filename is None or os.fspath(error.filename) != os.fspath(temporary):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
        _temporaries.discard(temporary)


def remove_temporaries() -> None:
    """Remove the temporary files of blocks that will not end, as this process ends within them."""
    for temporary in list(_temporaries):
        with suppress(OSError):
            temporary.unlink()


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all; see `atomic_path` for links and devices."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def is_special(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` exists and is no regular file: a device, a pipe, a folder."""
    return os.path.exists(path) and not os.path.isfile(path)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits; OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
