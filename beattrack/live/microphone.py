"""The microphone, or any other sound input, as a live source."""

from __future__ import annotations

import queue
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from beattrack.audio.base import AudioWarning, Piece
from beattrack.errors import AudioError
from beattrack.live.portaudio import Device, choose, portaudio_errors, sounddevice
from beattrack.live.source import HOP_SECONDS, LiveSource

PURPOSE = "the microphone"
MOST_CHANNELS = 2  # of an interface with more, the first two are used
HELD_SECONDS = 5.0  # audio that waits while the machine is busy; more is lost
_POLL_SECONDS = 0.5  # on Windows, Ctrl-C is only heard between two waits
_SETTLED = 100  # chunks; while a device starts, PortAudio may report losses that do not matter
_PATIENCE = 10.0  # seconds without sound after which a device has stopped


@contextmanager
def microphone(wanted: str | None) -> Iterator[LiveSource]:
    """Record from a sound device.

    Args:
        wanted: number or name of the device; None for the system's default.

    Yields:
        The source; its chunks come as they are recorded, without end.

    Raises:
        AudioError: if there is no such device, or it cannot be used; while recording, if it stops.
        MissingExtraError: if sounddevice is not installed.
        SettingsError: if the name is not that of one device.

    Warns:
        AudioWarning: once, if audio was lost because the machine was too slow.
    """
    sd = sounddevice(PURPOSE)
    device = choose("input", wanted, PURPOSE)
    channels = min(device.inputs, MOST_CHANNELS)
    recorder = Recorder(device.sample_rate, channels)
    with ExitStack() as stack:
        with portaudio_errors(device.name):
            stream = stack.enter_context(
                sd.InputStream(
                    device=device.index,
                    samplerate=device.sample_rate,
                    channels=channels,
                    dtype="float32",
                    blocksize=round(device.sample_rate * HOP_SECONDS),
                    latency="low",
                    callback=recorder.hear,
                )
            )
        yield LiveSource(
            device.name,
            device.sample_rate,
            channels,
            recorder.chunks(device.name),
            latency=float(stream.latency),
        )


class Recorder:
    """Hands chunks from PortAudio's thread to the one that tracks.

    Lost audio is replaced by as much silence, so that later times stay right.

    Args:
        sample_rate: sample rate in Hz.
        channels: number of channels.
    """

    def __init__(self, sample_rate: float, channels: int) -> None:
        self._channels = channels
        self._chunks: queue.Queue[Piece] = queue.Queue(round(HELD_SECONDS / HOP_SECONDS))
        self._missing = 0  # samples, since the last chunk that found room
        self._lost = False
        self._heard = 0

    def hear(self, samples: Piece, count: int, time: Any, status: Any) -> None:
        """Take a chunk from PortAudio; this must not wait."""
        self._heard += 1
        if status and status.input_overflow and self._heard > _SETTLED:
            self._lost = True
        if self._chunks.full():
            self._missing += count
            self._lost = True
            return
        chunk = samples.copy()
        if self._missing:
            chunk = np.concatenate([np.zeros((self._missing, self._channels), np.float32), chunk])
            self._missing = 0
        self._chunks.put_nowait(chunk)

    def chunks(self, name: str) -> Iterator[Piece]:
        """Yield the chunks of the device `name` as they come."""
        waited, warned = 0.0, False
        while True:
            try:
                chunk = self._chunks.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                waited += _POLL_SECONDS
                if waited >= _PATIENCE:
                    raise AudioError(f"{name}: stopped recording; is it still connected?") from None
                continue
            waited = 0.0
            if self._lost and not warned:
                warned = True
                warnings.warn(
                    f"{name}: some audio was lost, because the machine was too busy",
                    AudioWarning,
                    stacklevel=1,
                )
            yield chunk


def described(device: Device) -> str:
    """Return a line about an input device for a list."""
    mark = "*" if device.default else " "
    return (
        f"{mark} {device.index:>2}  {device.name}  "
        f"({device.host}, {device.inputs} in, {device.sample_rate:g} Hz)"
    )
