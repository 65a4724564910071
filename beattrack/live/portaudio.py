"""PortAudio through sounddevice: finding devices, and one sentence for everything that can be missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from beattrack.errors import AudioError, MissingExtraError, SettingsError

Direction = Literal["input", "output"]
NO_LIBRARY = "the PortAudio library, which is missing; on Debian and Ubuntu, apt install libportaudio2"


@dataclass(frozen=True)
class Device:
    """A sound device.

    Attributes:
        index: its number.
        name: its name.
        host: the system that offers it, such as ALSA.
        inputs, outputs: number of channels.
        sample_rate: its usual sample rate in Hz.
        default: whether sound is recorded from it unless another is chosen.
    """

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    sample_rate: float
    default: bool


def sounddevice(purpose: str) -> Any:
    """Import sounddevice.

    Args:
        purpose: what needs it, such as "the microphone".

    Raises:
        MissingExtraError: if it is not installed.
        AudioError: if the PortAudio library is missing.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtraError("sounddevice", "stream", purpose) from error
    except OSError as error:
        raise AudioError(f"{purpose} needs {NO_LIBRARY}") from error
    return sounddevice


@contextmanager
def portaudio_errors(what: str) -> Iterator[None]:
    """Turn errors of PortAudio into AudioError; `what` is the device in use."""
    import sounddevice

    try:
        yield
    except (sounddevice.PortAudioError, ValueError) as error:
        text = " ".join(str(error.args[0] if error.args else error).split()).rstrip(".")
        raise AudioError(f"{what}: cannot be used ({text})") from error


def devices(direction: Direction, purpose: str) -> list[Device]:
    """Return the devices that record (`input`) or play (`output`).

    Raises:
        MissingExtraError, AudioError: as `sounddevice` does.
    """
    sd = sounddevice(purpose)
    with portaudio_errors("the sound system"):
        hosts = sd.query_hostapis()
        found = list(sd.query_devices())
        default = sd.default.device[0 if direction == "input" else 1]
    all_devices = [
        Device(
            index=number,
            name=" ".join(str(device["name"]).split()),
            host=str(hosts[device["hostapi"]]["name"]),
            inputs=int(device["max_input_channels"]),
            outputs=int(device["max_output_channels"]),
            sample_rate=float(device["default_samplerate"]),
            default=number == default,
        )
        for number, device in enumerate(found)
    ]
    return [device for device in all_devices if (device.inputs if direction == "input" else device.outputs)]


def choose(direction: Direction, wanted: str | None, purpose: str) -> Device:
    """Return a device.

    Args:
        direction: whether it is to record or to play.
        wanted: its number, its name or a part of its name in any case; None for the system's default.
        purpose: what needs it.

    Raises:
        SettingsError: if no device, or more than one, has that name.
        AudioError: if there are no devices at all; also as `sounddevice` does.
        MissingExtraError: as `sounddevice` does.
    """
    found = devices(direction, purpose)
    if not found:
        kind = "records" if direction == "input" else "plays"
        raise AudioError(
            f"no sound device {kind} on this machine; `beattrack stream --list-devices` lists them"
        )
    if wanted is None:
        return next((device for device in found if device.default), found[0])
    named = [device for device in found if wanted.isdecimal() and device.index == int(wanted)]
    named = named or [device for device in found if device.name.lower() == wanted.lower()]
    named = named or [device for device in found if wanted.lower() in device.name.lower()]
    if len(named) == 1:
        return named[0]
    names = ", ".join(f"{device.index} ({device.name})" for device in named or found)
    problem = "there is no sound device" if not named else "more than one sound device is called"
    raise SettingsError(f"{problem} {wanted!r}; choose one by number: {names}")
