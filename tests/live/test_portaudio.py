from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import beattrack
from beattrack.errors import AudioError, MissingExtraError, SettingsError
from beattrack.live import portaudio
from tests.live.fake_portaudio import LINE, MICROPHONE, SPEAKER, FakeSoundDevice, PortAudioError

ALL = (MICROPHONE, LINE, SPEAKER)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice(*ALL, default=(1, 2))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_devices_that_record_and_that_play(system: FakeSoundDevice) -> None:
    inputs = portaudio.devices("input", "the microphone")
    assert [(device.index, device.name, device.default) for device in inputs] == [
        (0, "Built-in Microphone", False),
        (1, "USB Audio: Line (hw:1,0)", True),
    ]
    assert [device.index for device in portaudio.devices("output", "--click")] == [1, 2]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [(None, 1), ("0", 0), ("1", 1), ("line", 1), ("built-in microphone", 0), ("MICRO", 0)],
)
def test_a_device_is_chosen_by_number_or_part_of_its_name(
    system: FakeSoundDevice, wanted: str | None, index: int
) -> None:
    assert portaudio.choose("input", wanted, "the microphone").index == index


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("9", "there is no sound device '9'; choose one by number: 0 (Built-in Microphone), 1 (USB"),
        ("speaker", "there is no sound device 'speaker'"),
        ("i", "more than one sound device is called 'i'; choose one by number: 0 (Built-in"),
    ],
)
def test_other_names_are_refused_with_those_there_are(
    system: FakeSoundDevice, wanted: str, says: str
) -> None:
    with pytest.raises(SettingsError) as told:
        portaudio.choose("input", wanted, "the microphone")
    assert says in str(told.value)


def test_a_machine_without_devices_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(SPEAKER))
    assert portaudio.devices("input", "the microphone") == []
    with pytest.raises(AudioError, match="no sound device records on this machine"):
        portaudio.choose("input", None, "the microphone")


def test_without_sounddevice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"the microphone needs .* 'beattrack\[stream\]'"):
        portaudio.sounddevice("the microphone")


def test_without_the_library_its_package_is_named() -> None:
    """sounddevice looks for PortAudio when it is imported."""
    if find_spec("sounddevice") is None:
        pytest.skip("needs sounddevice")
    code = (
        "import ctypes.util, sys\n"
        "ctypes.util.find_library = lambda name: None\n"
        "sys.platform = 'linux'\n"
        "from beattrack.errors import AudioError\n"
        "from beattrack.live.portaudio import sounddevice\n"
        "try:\n    sounddevice('the microphone')\n"
        "except AudioError as error:\n    print(error)\n"
    )
    root = Path(beattrack.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.startswith("the microphone needs the PortAudio library, which is missing")
    assert "libportaudio2" in done.stdout


def test_errors_of_portaudio_are_one_sentence(system: FakeSoundDevice) -> None:
    with (
        pytest.raises(AudioError, match=r"^Line: cannot be used \(Device unavailable\)$"),
        portaudio.portaudio_errors("Line"),
    ):
        raise PortAudioError("Device\n unavailable.", -9985)
