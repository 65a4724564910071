"""Standard MIDI files: a tempo map, time signatures and a click, so that a DAW's grid falls on the beats.

Format 1 with two tracks. The first holds the tempo map and the time signatures (see `grid`), the second a
note for each beat on the drum channel. A tempo is stated in whole microseconds per quarter note; what
rounding loses is made up for at the next tempo change.

Source: Standard MIDI Files 1.0, MIDI Manufacturers Association.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from beattrack.formats.grid import Grid, grid
from beattrack.formats.markup import title
from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.formats.tempo_map import EXACT

if TYPE_CHECKING:
    from beattrack.result import Beats

TICKS = 960  # per quarter note
DRUMS = 9  # channel 10
DOWNBEAT, BEAT = (76, 120), (77, 90)  # high and low wood block of General MIDI, and velocities

_SLOWEST = 0xFFFFFF  # microseconds per quarter note that three bytes hold
_TRACK_NAME, _END, _TEMPO, _SIGNATURE = 0x03, 0x2F, 0x51, 0x58

Event = tuple[int, int, bytes]  # tick, order at this tick, message


class MidiWriter:
    """Write `.mid` files."""

    suffix = ".mid"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._tolerance = options.tolerance or EXACT

    def render(self, beats: Beats) -> bytes:
        """Return a file of two tracks."""
        found = grid(beats, tolerance=self._tolerance, quantise=whole_microseconds)
        name = title(beats.file).encode("utf-8", "replace")
        click = _click(beats, found)
        last = max([0, *(tick for tick, _, _ in click)])
        chunks = [_track(name, [*_tempi(found), *_signatures(found)], last), _track(b"Click", click, last)]
        return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), TICKS) + b"".join(chunks)


def whole_microseconds(period: float) -> float:
    """Return seconds per beat rounded to what a MIDI file can state."""
    return min(max(round(period * 1e6), 1), _SLOWEST) / 1e6


def _tempi(found: Grid) -> Iterable[Event]:
    for piece in found.tempi:
        tempo = round(piece.period * 1e6).to_bytes(3, "big")
        yield round(piece.place * TICKS), 1, _meta(_TEMPO, tempo)


def _signatures(found: Grid) -> Iterable[Event]:
    for signature in found.signatures:
        power = signature.denominator.bit_length() - 1
        # 24 MIDI clocks per metronome click, 8 thirty-second notes per quarter note.
        data = bytes([signature.numerator, power, 24, 8])
        yield _tick(signature.place), 0, _meta(_SIGNATURE, data)


def _click(beats: Beats, found: Grid) -> list[Event]:
    positions = [0] * len(beats) if beats.positions is None else beats.positions.tolist()
    events: list[Event] = []
    for place, position in zip(found.places, positions, strict=True):
        note, velocity = DOWNBEAT if position == 1 else BEAT
        start = _tick(place)
        events.append((start, 1, bytes([0x90 | DRUMS, note, velocity])))
        events.append((start + TICKS // 4, 0, bytes([0x80 | DRUMS, note, 64])))
    return events


def _tick(place: Fraction) -> int:
    return int(place * TICKS)


def _track(name: bytes, events: Iterable[Event], last: int) -> bytes:
    body = bytearray(_variable(0) + _meta(_TRACK_NAME, name))
    tick = 0
    for at, _, message in sorted(events):
        body += _variable(at - tick) + message
        tick = at
    body += _variable(max(0, last - tick)) + _meta(_END, b"")
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + _variable(len(data)) + data


def _variable(number: int) -> bytes:
    """Return a number in groups of seven bits, all but the last group marked."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))
