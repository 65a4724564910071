from __future__ import annotations

import os
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from beattrack.errors import AudioError, MissingExtraError, SettingsError
from beattrack.live import midi_clock
from beattrack.live.midi_clock import MidiClock, open_port
from tests.streaming_cases import moment, online_state

mido = pytest.importorskip("mido")


FIRST = 0.2  # seconds until the first beat, a downbeat


class Recording:
    """A port that remembers what was sent, and when."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str]] = []
        self.closed = False

    def send(self, message: Any) -> None:
        self.sent.append((time.monotonic(), message.type))

    def close(self) -> None:
        self.closed = True


def play(clock: MidiClock, seconds: float, bpm: float = 120.0) -> float:
    """Update a clock every 10 ms with the beats of a steady tempo, and return the time of the first beat."""
    start = time.monotonic()
    period = 60 / bpm
    while (now := time.monotonic() - start) < seconds:
        beat = int(np.ceil((now - FIRST) / period))
        position = (beat - 1) % 4 + 1  # of the beat before, the last that was heard
        clock.update(moment(online_state(bpm, FIRST + beat * period, position), now, start))
        time.sleep(0.01)
    return start + FIRST


def test_a_receiver_hears_start_clock_and_stop() -> None:
    port = Recording()
    clock = MidiClock(port)
    start = play(clock, 1.3)
    clock.close()
    kinds = [kind for _, kind in port.sent]
    assert kinds[0] == "start"
    assert kinds[-1] == "stop"
    assert set(kinds[1:-1]) == {"clock"}
    assert port.closed
    beats = np.array([at for at, kind in port.sent if kind == "clock"])[::24] - start
    assert len(beats) >= 1
    first = beats[0] / 0.5
    assert abs(first - round(first)) < 0.3  # on a beat; how exactly is up to the machine


def test_over_a_socket() -> None:
    """A real receiver on the loopback address."""
    from mido.sockets import PortServer, connect

    with PortServer("127.0.0.1", 0) as server:
        number = server._socket.getsockname()[1]
        clock = MidiClock(connect("127.0.0.1", number))
        heard: list[str] = []
        accepted = server.accept()

        def listen() -> None:
            for message in accepted:
                heard.append(message.type)
                if message.type == "stop":
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        play(clock, 1.0)
        clock.close()
        listener.join(10)
    assert heard[0] == "start"
    assert heard[-1] == "stop"
    assert heard.count("clock") > 5


@pytest.mark.skipif(not os.path.exists("/dev/snd/seq"), reason="needs ALSA's sequencer, /dev/snd/seq")
def test_a_virtual_port_is_found_by_other_programs() -> None:
    pytest.importorskip("rtmidi")
    clock = MidiClock(open_port("virtual"))
    backend = mido.Backend("mido.backends.rtmidi", load=True)
    name = next(name for name in backend.get_input_names() if "beattrack" in name)
    with backend.open_input(name) as receiver:
        play(clock, 1.0)
        clock.close()
        time.sleep(0.1)
        kinds = [message.type for message in receiver.iter_pending()]
    assert kinds[0] == "start"
    assert kinds[-1] == "stop"


def test_without_a_beat_nothing_is_sent() -> None:
    port = Recording()
    clock = MidiClock(port)
    for now in range(10):
        clock.update(moment(online_state(None, None), now, 0.0))
    clock.close()
    assert port.sent == []


def test_a_port_that_waits_does_not_let_the_audio_wait() -> None:
    class Slow(Recording):
        def send(self, message: Any) -> None:
            time.sleep(0.3)
            super().send(message)

    clock = MidiClock(Slow())
    worst, start = 0.0, time.monotonic()
    while time.monotonic() < start + 0.7:
        before = time.perf_counter()
        clock.update(moment(online_state(120.0, 0.0, position=4), 0.0, time.monotonic()))
        worst = max(worst, time.perf_counter() - before)
        time.sleep(0.01)
    clock.close()
    assert worst < 0.2


def test_a_port_that_fails_ends_the_clock_and_nothing_else() -> None:
    class Broken(Recording):
        def send(self, message: Any) -> None:
            raise OSError("the device is gone")

    clock = MidiClock(Broken())
    with pytest.warns(UserWarning, match="MIDI: cannot send any more"):
        play(clock, 1.0)
    clock.close()


def backend(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> list[tuple[str, bool]]:
    opened: list[tuple[str, bool]] = []
    fake = SimpleNamespace(
        get_output_names=lambda: names,
        open_output=lambda name, virtual=False: opened.append((name, virtual)),
    )
    monkeypatch.setattr(midi_clock, "_backend", lambda: fake)
    return opened


def test_ports_are_found_by_a_part_of_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = backend(monkeypatch, ["Midi Through 14:0", "TR-8S 20:0", "TR-8S 20:1"])
    open_port("through")
    open_port("tr-8s 20:1")
    open_port("virtual")
    assert opened == [("Midi Through 14:0", False), ("TR-8S 20:1", False), ("beattrack", True)]
    with pytest.raises(
        SettingsError, match="more than one MIDI output is called 'tr-8s'; choose one of TR-8S 20:0"
    ):
        open_port("tr-8s")
    with pytest.raises(SettingsError, match="there is no MIDI output 'piano'; choose one of Midi Through"):
        open_port("piano")


def test_no_ports_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    backend(monkeypatch, [])
    with pytest.raises(SettingsError, match="nor any other; `--midi-clock virtual` makes one"):
        open_port("piano")


def test_a_machine_without_midi_names_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[str]:
        raise SystemError("MidiOutAlsa::initialize: error creating ALSA sequencer client object.")

    fake = SimpleNamespace(get_output_names=fail)
    monkeypatch.setattr(midi_clock, "_backend", lambda: fake)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(AudioError, match="libasound2"):
        open_port("piano")


@pytest.mark.parametrize(("module", "package"), [("mido", "mido"), ("rtmidi", "python-rtmidi")])
def test_without_the_packages_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "mido.backends.rtmidi", raising=False)
    with pytest.raises(MissingExtraError, match=rf"--midi-clock needs the package '{package}'.*\[stream\]"):
        open_port("piano")
