"""Writing files so that a reader sees the whole of them or nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place when the block ends well, else delete it.

    Raises OSError where the folder cannot be written.
    """
    target = Path(path)
    # A short name of its own: the target's may already be as long as the file system allows.
    temporary = target.parent / f".beattrack-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
