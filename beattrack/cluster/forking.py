"""The process from which the workers of a local cluster are forked, Python's fork server.

It imports what the workers need, while this process imports Dask, so that they start at once. It has no
threads, with which a fork could hang.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import forkserver

from beattrack.runtime.workers import THREADS, environment

# Not ONNX Runtime, which starts a thread when it is imported.
IMPORTED = ("distributed", "beattrack.tracker", "soundfile", "soxr")

# Before Python 3.11, the process would import modules of the current folder; on macOS, libraries of the
# system may not survive a fork.
_POSSIBLE = sys.platform == "linux" and sys.version_info >= (3, 11)


def begin_to_import() -> bool:
    """Start the process, unless it runs.

    Returns:
        Whether workers can be forked from it.
    """
    if not _POSSIBLE or find_spec("distributed") is None:
        return False
    multiprocessing.set_forkserver_preload(list(IMPORTED))
    path = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        with environment({**dict.fromkeys(THREADS, "1"), **path}), _ctrl_c_ignored():
            forkserver.ensure_running()
    except OSError:  # such as a folder for temporary files with too long a name for a socket
        return False
    return True


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Let processes that are started ignore Ctrl-C, which reaches all processes of a terminal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
