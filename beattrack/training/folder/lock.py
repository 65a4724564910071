"""A lock on the folder of a run, so that only one process trains in it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from beattrack.training.errors import TrainingError

LOCK = ".lock"  # stays in the folder; only the lock on it counts, not its existence
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)  # errors of file systems without locks


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder, which is created if needed.

    The lock ends with the process, even after a crash. If nothing was written to the folder, it is removed.

    Raises:
        TrainingError: if another process is training there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    _acquire(lock, folder)
    try:
        yield
    finally:
        with suppress(OSError):  # fails on Windows, where `release` removes the file
            if os.listdir(folder) == [LOCK]:
                (folder / LOCK).unlink()
        lock.release()
        with suppress(OSError):  # not empty
            folder.rmdir()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise TrainingError(
            f"{folder}: another process is training in this folder; choose another one with --run"
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
