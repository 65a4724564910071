"""Signals that end a process promptly, even while a library computes.

Python calls the handler of a signal between two of its own instructions, and a single call of NumPy or ONNX
Runtime may last minutes. A thread therefore hears of signals too. If the handler has not been called within
`GRACE_SECONDS`, or `CTRL_C_SECONDS` after Ctrl-C, it ends the process: temporary files are removed and worker
processes told to end, but nothing else is unwound. (A call that holds Python's global lock holds up both.)
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[int, Any], Any]

GRACE_SECONDS = 0.7
CTRL_C_SECONDS = 3.0  # longer, as what is finished is kept and told if the handler is called after all
EXIT_SIGNAL = 128  # to which the number of the signal is added, as a shell does
_POLL_SECONDS = 0.02
_STOP = b"\0"  # no signal has this number


class Terminated(KeyboardInterrupt):
    """The program was told to end, as by `kill`; all that Ctrl-C cleans up is cleaned up for this too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = EXIT_SIGNAL + number


@contextmanager
def handled(
    handlers: Mapping[int, Handler], *, last_words: Callable[[int], None] = lambda number: None
) -> Iterator[None]:
    """Handle signals during a block, and end the process if a handler cannot be called.

    Signals that are ignored, as by nohup, stay so. Python allows handlers in the main thread alone; in
    another thread the block just runs.

    Args:
        handlers: by number of the signal; called with number and frame, in the main thread.
        last_words: called with the number before a process ends whose handler cannot be called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(last_words)
    before: dict[int, Any] = {}
    for number, handler in handlers.items():
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, watch.noting(handler))
    try:
        with watch:
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Watch:
    """A thread that hears of signals by the bytes that Python's C code writes into a pipe at once."""

    def __init__(self, last_words: Callable[[int], None]) -> None:
        self._last_words = last_words
        self._noting: set[Handler] = set()
        self._called_at = -GRACE_SECONDS
        self._pipe: tuple[int, int] | None = None

    def noting(self, handler: Handler) -> Handler:
        """Wrap a handler so that its calls are noted."""

        def note(number: int, frame: Any) -> Any:
            self._called_at = time.monotonic()
            return handler(number, frame)

        self._noting.add(note)
        return note

    def __enter__(self) -> None:
        if os.name == "nt":  # where Python writes to sockets only
            return
        listening, written = self._pipe = os.pipe()
        os.set_blocking(written, False)
        another = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        if another >= 0:  # an event loop that hears of signals itself
            signal.set_wakeup_fd(another)
        self._thread = threading.Thread(target=self._listen, args=(listening,), daemon=True)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        if self._pipe is None:
            return
        listening, written = self._pipe
        another = signal.set_wakeup_fd(-1)
        if another not in (-1, written):
            signal.set_wakeup_fd(another)
        os.write(written, _STOP)
        self._thread.join()
        os.close(written)
        os.close(listening)

    def _listen(self, pipe: int) -> None:
        while True:
            numbers = os.read(pipe, 64)
            heard_at = time.monotonic()
            if _STOP[0] in numbers:
                return
            for number in set(numbers):
                # Another part of the program may have set a handler of its own since.
                patience = CTRL_C_SECONDS if number == signal.SIGINT else GRACE_SECONDS
                if signal.getsignal(number) in self._noting and not self._called_since(heard_at, patience):
                    self._end(number)

    def _called_since(self, heard_at: float, patience: float) -> bool:
        """Wait for the call of a handler; the main thread may have been faster than this one."""
        while time.monotonic() < heard_at + patience:
            if self._called_at > heard_at - GRACE_SECONDS:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _end(self, number: int) -> None:
        from beattrack.runtime.files import remove_temporaries

        try:
            self._last_words(number)
            remove_temporaries()
            if "multiprocessing" in sys.modules:
                import multiprocessing

                for child in multiprocessing.active_children():
                    child.terminate()
        finally:
            os._exit(EXIT_SIGNAL + number)


def _forget_in_child() -> None:
    """Keep the signals of a forked process from its parent's thread."""
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
