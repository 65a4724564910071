"""MIDI clock through mido and python-rtmidi, in time with the predicted beats."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Protocol

from beattrack.audio.base import AudioWarning
from beattrack.audio.quiet import quiet_libraries
from beattrack.decoding.online import OnlineBeat
from beattrack.errors import AudioError, MissingExtraError, SettingsError
from beattrack.live.output import Moment
from beattrack.live.prediction import Prediction
from beattrack.live.pulses import Message, PulseTrain

VIRTUAL = "virtual"
OWN_NAME = "beattrack"
PURPOSE = "--midi-clock"
_IDLE_SECONDS = 0.05


class MidiPort(Protocol):
    """An open output of mido."""

    def send(self, message: Any) -> None:
        """Send a message."""

    def close(self) -> None:
        """Close the port."""


def open_port(name: str) -> MidiPort:
    """Open a MIDI output.

    Args:
        name: name of the output or a part of it, in any case; "virtual" makes an output named beattrack, to
            which other programs can connect (not on Windows).

    Raises:
        SettingsError: if no output, or more than one, has that name.
        AudioError: if there is no MIDI system.
        MissingExtraError: if mido or python-rtmidi is not installed.
    """
    backend = _backend()
    try:
        with quiet_libraries():
            if name == VIRTUAL:
                port: MidiPort = backend.open_output(OWN_NAME, virtual=True)
                return port
            names = list(dict.fromkeys(backend.get_output_names()))
            port = backend.open_output(_chosen(name, names))
    except (OSError, RuntimeError, SystemError) as error:  # those of rtmidi are SystemErrors or RuntimeErrors
        raise AudioError(f"MIDI: {_reason(error)}") from error
    return port


class MidiClock:
    """Send MIDI clock from a thread of its own, so that the audio never waits for it.

    Args:
        port: open output; closed with the clock.
        clock: returns the time in seconds, as that of the moments.
    """

    def __init__(self, port: MidiPort, clock: Callable[[], float] = time.monotonic) -> None:
        import mido

        self._port, self._clock = port, clock
        self._messages = {kind: mido.Message(kind) for kind in ("start", "clock", "stop")}
        self._train = PulseTrain()
        self._changed = threading.Condition()
        self._ended = self._told = False
        self._error: OSError | RuntimeError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="MIDI clock")
        self._thread.start()

    def beat(self, beat: OnlineBeat) -> None:
        """Do nothing; the clock follows the predictions."""

    def update(self, moment: Moment) -> None:
        """Follow the prediction of this moment.

        Warns:
            AudioWarning: once, if the port failed. The clock has then ended.
        """
        if self._error is not None and not self._told:
            self._told = True
            warnings.warn(f"MIDI: cannot send any more ({self._error})", AudioWarning, stacklevel=1)
        with self._changed:
            self._train.follow(Prediction.at(moment), self._clock())
            self._changed.notify()

    def close(self) -> None:
        """Stop the clock and close the port."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        self._port.close()

    def _run(self) -> None:
        try:
            while not self._ended:
                self._send(self._next())
            self._train.follow(None, self._clock())
            self._send(self._train.due(self._clock()))
        except (OSError, RuntimeError) as error:  # the device is gone
            self._error = error

    def _next(self) -> list[Message]:
        """Wait for the time of the next message, for a change, or a moment, and return what is due."""
        with self._changed:
            due = self._train.due(self._clock())
            if not due and not self._ended:
                wait = _IDLE_SECONDS if self._train.next is None else self._train.next - self._clock()
                self._changed.wait(min(max(wait, 0.0), _IDLE_SECONDS))
        return due

    def _send(self, kinds: list[Message]) -> None:
        for kind in kinds:  # without the lock: sending may take long
            if kind != "clock" or not self._ended:
                self._port.send(self._messages[kind])


def _backend() -> Any:
    try:
        import mido
    except ImportError as error:
        raise MissingExtraError("mido", "stream", PURPOSE) from error
    try:
        return mido.Backend("mido.backends.rtmidi", load=True)
    except ImportError as error:
        if "libasound" in str(error):  # the package is there, but not the library that it needs
            raise AudioError(f"MIDI: {_reason(error)}") from error
        raise MissingExtraError("python-rtmidi", "stream", PURPOSE) from error


def _chosen(wanted: str, names: list[str]) -> str:
    found = [name for name in names if name.lower() == wanted.lower()]
    found = found or [name for name in names if wanted.lower() in name.lower()]
    if len(found) == 1:
        return found[0]
    if not names:
        raise SettingsError(
            f"there is no MIDI output {wanted!r}, nor any other; `--midi-clock {VIRTUAL}` makes one"
        )
    problem = "more than one MIDI output is called" if found else "there is no MIDI output"
    raise SettingsError(f"{problem} {wanted!r}; choose one of {', '.join(found or names)}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    if sys.platform.startswith("linux"):
        return (
            f"ALSA's sequencer cannot be used ({text}); it needs the library libasound2 "
            "(apt install libasound2) and the kernel module snd-seq"
        )
    return f"the MIDI system cannot be used ({text})"
