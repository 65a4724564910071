"""Keeping the lines that C libraries print away from standard error.

libmpg123, inside libsndfile, tells of every oddity of an MP3 there, and libsndfile offers no way to stop it.
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
    """Discard what C libraries print on standard error meanwhile; Python's own output is not touched.

    May be entered by several threads at once.
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
    """Return what exchanges the C library's variable `stderr`, or None if it is not a variable there.

    Python writes to the descriptor, so that only C code sees the exchange. musl has a constant in its place.
    """
    if os.name == "nt":
        return None
    library = ctypes.CDLL(None)
    name = "stderr" if hasattr(library, "gnu_get_libc_version") else "__stderrp"  # the latter on macOS
    try:
        variable = ctypes.c_void_p.in_dll(library, name)
        library.fmemopen.restype = ctypes.c_void_p
    except (ValueError, AttributeError):
        return None
    # A stream in memory, which takes a few bytes and then refuses more: no descriptor is held open.
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
    """Point standard error itself at nothing, and return what points it back.

    Output of other threads is lost meanwhile, which is why this is the second choice.
    """
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
