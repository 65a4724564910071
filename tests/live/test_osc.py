from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from beattrack.audio import AudioWarning
from beattrack.errors import MissingExtraError, SettingsError
from beattrack.live.osc import OscOutput, host_and_port
from tests.streaming_cases import online_beat


class Receiver:
    """An OSC server on the loopback address, in a thread."""

    def __init__(self) -> None:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer

        self.messages: list[tuple[object, ...]] = []
        self._come = threading.Condition()
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(self._take)
        self._server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _take(self, *message: object) -> None:
        with self._come:
            self.messages.append(message)
            self._come.notify()

    def wait_for(self, count: int) -> list[tuple[object, ...]]:
        with self._come:
            assert self._come.wait_for(lambda: len(self.messages) >= count, timeout=10)
        return self.messages

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    pytest.importorskip("pythonosc")
    server = Receiver()
    yield server
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_receives_every_beat(receiver: Receiver, host: str) -> None:
    if host == "localhost":
        import socket

        if socket.getaddrinfo(host, 1, type=socket.SOCK_DGRAM)[0][4][0] != "127.0.0.1":
            pytest.skip("localhost is an IPv6 address here")
    output = OscOutput(f"{host}:{receiver.port}")
    output.beat(online_beat(1.5, 2, 121.0))
    output.beat(online_beat(2.0, 0, None))
    messages = receiver.wait_for(4)
    output.close()
    assert messages[0] == ("/beattrack/beat", 1.5, 2, 121.0, pytest.approx(0.9))
    assert messages[1] == ("/beattrack/tempo", 121.0)
    assert messages[2] == ("/beattrack/beat", 2.0, 0, 0.0, pytest.approx(0.9))
    assert [type(value) for value in messages[2]] == [str, float, int, float, float]


def test_addresses() -> None:
    assert host_and_port("studio.local:9000") == ("studio.local", 9000)
    assert host_and_port("[::1]:57120") == ("::1", 57120)


@pytest.mark.parametrize(
    "address", ["", "host", ":9000", "host:", "host:0", "host:65536", "::1:9000", "a b:9", "h:9x"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="HOST:PORT"):
        host_and_port(address)


def test_an_unknown_host_is_refused() -> None:
    pytest.importorskip("pythonosc")
    with pytest.raises(SettingsError, match=r"the host no-such-host\.invalid is unknown"):
        OscOutput("no-such-host.invalid:9000")


def test_a_network_that_is_down_is_warned_of_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = OscOutput(f"127.0.0.1:{receiver.port}")

    def fail(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(output._client, "send_message", fail)
    with pytest.warns(AudioWarning, match="Network is unreachable") as told:
        [output.beat(online_beat(time)) for time in (1.0, 2.0)]
    assert len(told) == 1
    output.close()


def test_without_python_osc_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonosc.udp_client", None)
    with pytest.raises(MissingExtraError, match=r"--osc needs .* 'beattrack\[stream\]'"):
        OscOutput("127.0.0.1:9000")
