"""Open Sound Control: a message for every beat, through python-osc."""

from __future__ import annotations

import re
import socket
import warnings

from beattrack.audio.base import AudioWarning
from beattrack.decoding.online import OnlineBeat
from beattrack.errors import MissingExtraError, SettingsError
from beattrack.live.output import Moment

BEAT, TEMPO = "/beattrack/beat", "/beattrack/tempo"


class OscOutput:
    """Send beats over UDP.

    Each beat is a message `/beattrack/beat time position bpm confidence`, followed by `/beattrack/tempo bpm`.
    A position or tempo that is not known is 0.

    Args:
        address: HOST:PORT; an IPv6 address in brackets.

    Raises:
        SettingsError: if the address is not one, or the host is unknown.
        MissingExtraError: if python-osc is not installed.
    """

    def __init__(self, address: str) -> None:
        host, port = host_and_port(address)
        try:
            from pythonosc.udp_client import SimpleUDPClient
        except ImportError as error:
            raise MissingExtraError("python-osc", "stream", "--osc") from error
        try:
            # A name would be looked up again for every message, and an answer can take seconds.
            numeric = str(socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4][0])
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"OSC: the host {host} is unknown; check --osc {address}") from error
        self._client = SimpleUDPClient(numeric, port, allow_broadcast=True)
        self._address = address
        self._failed = False

    def beat(self, beat: OnlineBeat) -> None:
        """Send the messages for a beat."""
        bpm = float(beat.bpm or 0.0)
        try:
            self._client.send_message(
                BEAT, [float(beat.time), int(beat.position or 0), bpm, float(beat.confidence)]
            )
            self._client.send_message(TEMPO, bpm)
        except OSError as error:  # the network is down; it may come back
            if not self._failed:
                self._failed = True
                reason = error.strerror or error
                warnings.warn(f"OSC: cannot send to {self._address} ({reason})", AudioWarning, stacklevel=1)

    def update(self, moment: Moment) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the socket."""
        self._client.close()


def host_and_port(address: str) -> tuple[str, int]:
    """Split HOST:PORT.

    Raises:
        SettingsError: if `address` is of another form, or the port is not from 1 to 65535.
    """
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\s]+)):(\d{1,5})", address)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise SettingsError(f"an OSC address is HOST:PORT, such as 127.0.0.1:9000, not {address!r}")
    return match[1] or match[2], int(match[3])
