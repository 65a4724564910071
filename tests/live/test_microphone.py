from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from beattrack.audio import AudioWarning
from beattrack.errors import AudioError, SettingsError
from beattrack.live import microphone
from beattrack.live.microphone import Recorder, described
from beattrack.live.portaudio import devices
from tests.live.fake_portaudio import LINE, MICROPHONE, FakeSoundDevice, PortAudioError
from tests.streaming_cases import noise

FINE = SimpleNamespace(input_overflow=False)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice(MICROPHONE, LINE, default=(1, -1))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_what_portaudio_hears_comes_as_chunks(system: FakeSoundDevice) -> None:
    blocks = [noise(0.01, 48000, channels=2, seed=seed) for seed in range(5)]
    with microphone.microphone(None) as source:
        (stream,) = system.streams
        assert stream.active
        assert stream.options["channels"] == 2  # of eight
        assert stream.options["blocksize"] == 480
        shared = np.empty_like(blocks[0])  # PortAudio uses its buffer again
        for block in blocks:
            shared[:] = block
            stream.options["callback"](shared, 480, None, FINE)
        found = [next(source.chunks) for _ in blocks]
        assert (source.sample_rate, source.channels, source.recorded) == (48000.0, 2, False)
        assert source.latency == 0.02
    assert not stream.active
    np.testing.assert_array_equal(found, blocks)


def test_a_device_that_cannot_be_opened_is_one_sentence(system: FakeSoundDevice) -> None:
    system.failure = PortAudioError("Error opening InputStream: Device unavailable", -9985)
    with (
        pytest.raises(AudioError, match=r"^Built-in Microphone: cannot be used \(Error opening"),
        microphone.microphone("built-in"),
    ):
        pass


def test_errors_of_others_are_not_those_of_the_device(system: FakeSoundDevice) -> None:
    with pytest.raises(SettingsError, match=r"^another$"), microphone.microphone(None):
        raise SettingsError("another")


def test_lost_audio_becomes_silence_and_a_warning() -> None:
    recorder = Recorder(1000, 1)
    room = recorder._chunks.maxsize
    for index in range(room + 30):
        recorder.hear(np.full((10, 1), index + 1, np.float32), 10, None, FINE)
    chunks = recorder.chunks("Line")
    with pytest.warns(AudioWarning, match="Line: some audio was lost"):
        first = next(chunks)
    assert (first == 1).all()
    recorder.hear(np.full((10, 1), 7, np.float32), 10, None, FINE)
    rest = np.concatenate([next(chunks) for _ in range(room)])
    assert len(rest) == 10 * (room + 30)  # time goes on
    assert (rest[-10:] == 7).all()
    assert not rest[-310:-10].any()


def test_an_overflow_of_portaudio_is_told_once_the_device_has_started() -> None:
    recorder = Recorder(1000, 1)
    chunks = recorder.chunks("Line")
    for index in range(microphone._SETTLED + 1):
        status = SimpleNamespace(input_overflow=index in (0, microphone._SETTLED))
        recorder.hear(np.zeros((10, 1), np.float32), 10, None, status)
        if index < microphone._SETTLED:
            next(chunks)
    with pytest.warns(AudioWarning, match="some audio was lost"):
        next(chunks)


def test_a_device_that_stops_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(microphone, "_PATIENCE", 0.03)
    with pytest.raises(AudioError, match="Line: stopped recording"):
        next(Recorder(1000, 1).chunks("Line"))


def test_the_list_of_devices(system: FakeSoundDevice) -> None:
    assert [described(device) for device in devices("input", "the microphone")] == [
        "   0  Built-in Microphone  (ALSA, 2 in, 48000 Hz)",
        "*  1  USB Audio: Line (hw:1,0)  (ALSA, 8 in, 48000 Hz)",
    ]
