"""The side of the workers: one function in each process, made once and applied to many items."""

from __future__ import annotations

import functools
import pickle
import platform
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from beattrack.cluster.errors import ClusterError
from beattrack.errors import BeattrackError
from beattrack.version import __version__

# One item at a time in each process: warnings are collected per process, and the network has its own threads.
_busy = threading.Lock()


@dataclass(frozen=True)
class Reply:
    """What a worker returns for a chunk.

    Attributes:
        results: results of the items, in order.
        seconds: time that they took.
        python: version of Python of the worker.
    """

    results: list[Any]
    seconds: float
    python: str


def work(version: str, make: bytes, items: bytes) -> Reply:
    """Apply a function to a chunk of items.

    Args:
        version: version of beattrack of the client, which must be that of the worker.
        make: pickled function that returns the function to apply. It is called once in each process.
        items: pickled list of items. Pickled here, because Dask would search the items for its own objects.

    Raises:
        ClusterError: if the versions differ, or if the function cannot be made, for example because the model
            is missing on the worker.
    """
    if version != __version__:
        raise ClusterError(
            f"a worker has beattrack {__version__}, but this is {version}; install the same version on both"
        )
    with _busy:
        function = _function(make)
        start = time.perf_counter()
        results = [function(item) for item in pickle.loads(items)]
        return Reply(results, time.perf_counter() - start, platform.python_version())


@functools.lru_cache(maxsize=1)  # a later run replaces the model of the one before
def _function(make: bytes) -> Callable[[Any], Any]:
    try:
        return pickle.loads(make)()  # type: ignore[no-any-return]
    except BeattrackError as error:
        raise ClusterError(f"a worker cannot start: {error}") from error


def ignore_ctrl_c() -> None:
    """Keep Ctrl-C, which reaches all processes of a terminal, from a worker; the client ends it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
