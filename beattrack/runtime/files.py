"""Files written whole or not at all, and checksums."""

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
    """Yield a temporary path beside `path`, and rename it to `path` if the block succeeds.

    If the block fails, the temporary file is deleted. Symbolic links are followed. A device or pipe, such as
    /dev/null, is yielded itself, because it must not be replaced.

    Raises:
        OSError: if `path` cannot be written; the error names it.
    """
    target = Path(os.path.realpath(path))
    if is_special(target):
        yield target
        return
    # Not derived from the target's name, which may already be as long as the file system allows.
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
    """Write text to a file as UTF-8, whole or not at all; see `atomic_path` for links and devices."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def is_special(path: str | os.PathLike[str]) -> bool:
    """Return whether `path` exists but is not a regular file: a device, pipe or folder."""
    return os.path.exists(path) and not os.path.isfile(path)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: if the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
