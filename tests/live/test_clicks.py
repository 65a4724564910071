from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from beattrack.errors import AudioError
from beattrack.live.clicks import SPARE_SECONDS, ClickMix, ClickOutput
from beattrack.live.source import LiveSource
from tests.live.fake_portaudio import MICROPHONE, SPEAKER, FakeSoundDevice, PortAudioError
from tests.streaming_cases import moment, noise, online_state

RATE = 8000


def source(samples: np.ndarray, *, recorded: bool) -> LiveSource:
    return LiveSource("test", RATE, 1, iter(samples.reshape(-1, 80, 1)), latency=0.01, recorded=recorded)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice(MICROPHONE, SPEAKER, default=(0, 1))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_under_a_microphone_there_are_clicks_alone(system: FakeSoundDevice) -> None:
    stream = source(noise(0.1, RATE), recorded=False)
    output = ClickOutput(stream)
    assert output.source is stream
    assert system.streams[0].options["samplerate"] == 48000
    assert system.streams[0].active
    output.close()
    assert not system.streams[0].active


def test_a_block_clicks_when_it_will_be_heard(system: FakeSoundDevice) -> None:
    mix = ClickMix(RATE, lambda: 50.0, backed=False)
    mix.update(moment(online_state(120.0, 3.0), 2.9, 47.1))  # the next beat is at 50.1
    block = np.empty((80, 1), np.float32)
    mix.fill(block, 80, SimpleNamespace(outputBufferDacTime=7.05, currentTime=7.0), None)
    assert not block.any()
    mix.fill(block, 80, SimpleNamespace(outputBufferDacTime=7.095, currentTime=7.0), None)
    assert np.flatnonzero(block[:, 0])[0] == 40
    mix.latency = 0.595  # of a system that does not tell it with each block
    mix.fill(block, 80, SimpleNamespace(outputBufferDacTime=0.0, currentTime=0.0), None)
    assert np.flatnonzero(block[:, 0])[-1] == 79  # the next beat, at 50.6


def test_a_file_is_played_under_its_clicks(system: FakeSoundDevice) -> None:
    samples = noise(0.5, RATE)
    output = ClickOutput(source(samples, recorded=True))
    assert system.streams[0].options["samplerate"] == RATE
    assert output.source.latency == pytest.approx(0.01 - 0.02 - SPARE_SECONDS)
    mix = output._mix
    assert not mix.render(1000.0, 80).any()  # nothing has come
    heard = [chunk.copy() for chunk in output.source.chunks]
    np.testing.assert_array_equal(np.concatenate(heard)[:, 0], samples)
    output.update(moment(online_state(120.0, 0.3, position=4), 0.5, 1000.0))
    played = np.concatenate([mix.render(1000.0 + block / 100, 80) for block in range(40)])
    clicked = played - samples[:3200]
    assert np.flatnonzero(np.abs(clicked) > 1e-4)[0] == pytest.approx(2400, abs=1)
    assert np.abs(played).max() <= 1
    # A little jitter of the clock is no jump of the music.
    np.testing.assert_allclose(mix.render(1000.4 + 0.02, 80), samples[3200:3280], atol=1e-6)
    np.testing.assert_allclose(mix.render(1000.3, 80), samples[2400:2480], atol=1e-6)


def test_an_output_that_cannot_be_used_is_told(system: FakeSoundDevice) -> None:
    system.failure = PortAudioError("Device unavailable", -9985)
    with pytest.raises(AudioError, match=r"Built-in Speaker: cannot be used \(Device unavailable\)"):
        ClickOutput(source(noise(0.1, RATE), recorded=False))


def test_without_an_output_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(MICROPHONE))
    with pytest.raises(AudioError, match="no sound device plays"):
        ClickOutput(source(noise(0.1, RATE), recorded=False))
