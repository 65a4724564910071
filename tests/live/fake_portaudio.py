"""A stand-in for the module sounddevice, with devices of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class PortAudioError(Exception):
    """As sounddevice's."""


MICROPHONE = {"name": "Built-in Microphone", "max_input_channels": 2, "max_output_channels": 0}
LINE = {"name": "USB Audio: Line\n(hw:1,0)", "max_input_channels": 8, "max_output_channels": 2}
SPEAKER = {"name": "Built-in Speaker", "max_input_channels": 0, "max_output_channels": 2}


class Stream:
    """A stream that only remembers how it was opened."""

    def __init__(self, owner: FakeSoundDevice, options: dict[str, Any]) -> None:
        self.options, self._owner = options, owner
        self.latency = 0.02
        self.active = False

    def __enter__(self) -> Stream:
        if self._owner.failure is not None:
            raise self._owner.failure
        self.active = True
        return self

    def __exit__(self, *error: object) -> None:
        self.active = False


class FakeSoundDevice:
    """The part of sounddevice that is used."""

    PortAudioError = PortAudioError

    def __init__(self, *devices: dict[str, Any], default: tuple[int, int] = (0, 0)) -> None:
        self._devices = [{"hostapi": 0, "default_samplerate": 48000.0, **device} for device in devices]
        self.default = SimpleNamespace(device=default)
        self.streams: list[Stream] = []
        self.failure: Exception | None = None

    def query_hostapis(self) -> list[dict[str, str]]:
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, Any]]:
        return self._devices

    def InputStream(self, **options: Any) -> Stream:  # noqa: N802 - sounddevice's name
        self.streams.append(Stream(self, options))
        return self.streams[-1]

    OutputStream = InputStream
