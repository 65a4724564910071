"""One process at a time in the folder of a run."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from beattrack.training.errors import TrainingError

LOCK = ".lock"  # in the folder of a run, and left there: the file means nothing, the lock on it does
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)  # from file systems that have none


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from training in the folder, which is made if needed.

    The lock goes with the process, however that ends. A folder in which nothing was written is removed.

    Raises:
        TrainingError: if another process is training there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    _acquire(lock, folder)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows, where the release removes the file
            if os.listdir(folder) == [LOCK]:
                (folder / LOCK).unlink()
        lock.release()
        with suppress(OSError):  # not empty
            folder.rmdir()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise TrainingError(f"{folder}: another process is training in this folder") from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
