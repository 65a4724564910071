"""Suppress messages of C libraries on standard error.

libmpg123, inside libsndfile, reports every irregularity of an MP3 there, and libsndfile cannot turn this off.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_users = 0
_restore: Callable[[], None] | None = None


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Discard what C libraries, but not Python, print on standard error inside the context.

    Several threads may enter the context at the same time.
    """
    global _users, _restore
    with _lock:
        _users += 1
        if _users == 1:
            _restore = (_stream_switch() or _descriptor_switch)()
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users and _restore is not None:
                _restore()
                _restore = None


@functools.cache
def _stream_switch() -> Callable[[], Callable[[], None]] | None:
    """Return a function that replaces the C variable `stderr`, or None if that is impossible."""
    # In musl `stderr` is a constant. Python writes to the descriptor, so only C code is affected.
    if os.name == "nt":
        return None
    library = ctypes.CDLL(None)
    name = "stderr" if hasattr(library, "gnu_get_libc_version") else "__stderrp"  # the latter on macOS
    try:
        variable = ctypes.c_void_p.in_dll(library, name)
        library.fmemopen.restype = ctypes.c_void_p
    except (ValueError, AttributeError):
        return None
    # A stream in memory needs no descriptor and discards all but a few bytes.
    sink = library.fmemopen(None, ctypes.c_size_t(64), b"w")
    if not sink:
        return None

    def switch() -> Callable[[], None]:
        original = variable.value
        variable.value = sink

        def restore() -> None:
            variable.value = original

        return restore

    return switch


def _descriptor_switch() -> Callable[[], None]:
    """Redirect the descriptor of standard error, and return a function that restores it."""
    # This also discards what other threads print, so it is only the fallback.
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        return lambda: None
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)

    def restore() -> None:
        with suppress(OSError):
            os.dup2(kept, 2)
        os.close(kept)

    return restore
