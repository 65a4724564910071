"""One process at a time in the folder of a run."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from beattrack.training.errors import TrainingError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)  # from file systems that have none


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from training in the folder, which is made; on Windows they are not kept.

    Raises TrainingError where one does so already. The lock goes with the process, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = None if fcntl is None else os.open(folder, os.O_RDONLY)
    try:
        if descriptor is not None:
            _lock(descriptor, folder)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        with suppress(OSError):  # that is not empty
            folder.rmdir()


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TrainingError(f"{folder}: another process is training in this folder") from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
