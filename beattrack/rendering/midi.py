"""Reader of Standard MIDI Files: notes by instrument in ticks, tempo map, time signatures, markers."""

from __future__ import annotations

import io
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import MissingExtraError
from beattrack.rendering.errors import RenderError
from beattrack.rendering.piece import OFFSET, ONSET, Floats, Part, notes_array

if TYPE_CHECKING:
    import mido

_DRUM_CHANNEL = 9  # from 0
_MAX_BYTES = 1 << 24
_DEFAULT_TEMPO = 500_000  # microseconds per quarter note, 120 BPM, the default of the standard


@dataclass(frozen=True, eq=False)
class MidiPart:
    """Notes of one track, channel and program; each row is onset tick, offset tick, pitch, velocity."""

    name: str
    program: int
    drums: bool
    notes: Floats  # (notes, 4)


@dataclass(frozen=True, eq=False)
class MidiScore:
    """The content of a file.

    Attributes:
        ticks_per_quarter: ticks per quarter note.
        parts: parts with notes.
        tempi: tempo map, shape (changes, 2): tick and microseconds per quarter note, the first at tick 0.
        signatures: time signatures (tick, numerator, denominator), in order; empty if there are none.
        markers: markers (tick, text), in order.
    """

    ticks_per_quarter: int
    parts: tuple[MidiPart, ...]
    tempi: NDArray[np.float64]  # (changes, 2)
    signatures: tuple[tuple[int, int, int], ...]
    markers: tuple[tuple[int, str], ...]

    def seconds(self, ticks: Floats) -> Floats:
        """Convert ticks, of any shape, to seconds by the tempo map."""
        starts, tempi = self.tempi[:, 0], self.tempi[:, 1]
        per_tick = tempi * 1e-6 / self.ticks_per_quarter
        at_starts = np.concatenate(([0.0], np.cumsum(np.diff(starts) * per_tick[:-1])))
        index = np.maximum(np.searchsorted(starts, ticks, side="right") - 1, 0)
        times: Floats = at_starts[index] + (ticks - starts[index]) * per_tick[index]
        return times

    def parts_in_seconds(self) -> tuple[Part, ...]:
        """Return all parts with onsets and offsets in seconds."""
        return tuple(
            Part(
                name=part.name,
                program=part.program,
                drums=part.drums,
                notes=notes_array(
                    np.column_stack((self.seconds(part.notes[:, : OFFSET + 1]), part.notes[:, OFFSET + 1 :]))
                ),
            )
            for part in self.parts
        )

    @property
    def end(self) -> float:
        """Tick at which the last note ends; 0 without notes."""
        return max((float(part.notes[:, OFFSET].max()) for part in self.parts), default=0.0)


@dataclass
class _Collector:
    """The notes of one track while it is read."""

    track: int
    name: str = ""
    programs: dict[int, int] = field(default_factory=dict)  # by channel
    sounding: dict[tuple[int, int], deque[tuple[int, int, int]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    rows: dict[tuple[int, int], list[tuple[float, float, float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, tick: int, message: mido.Message) -> None:
        if message.type == "program_change":
            self.programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity > 0:
            program = self.programs.get(message.channel, 0)
            self.sounding[message.channel, message.note].append((tick, message.velocity, program))
        elif message.type in ("note_on", "note_off"):
            self._release(tick, message.channel, message.note)

    def _release(self, tick: int, channel: int, pitch: int) -> None:
        waiting = self.sounding[channel, pitch]
        if waiting:
            start, velocity, program = waiting.popleft()
            self.rows[channel, program].append((start, max(tick, start + 1), pitch, velocity))

    def parts(self, end: int) -> Iterable[MidiPart]:
        for channel, pitch in list(self.sounding):
            while self.sounding[channel, pitch]:
                self._release(end, channel, pitch)  # notes without a note-off
        for (channel, program), rows in sorted(self.rows.items()):
            notes = np.array(rows, dtype=np.float64)
            order = np.argsort(notes[:, ONSET], kind="stable")
            drums = channel == _DRUM_CHANNEL
            yield MidiPart(self.name or f"track {self.track}", program, drums, notes[order])


def read_midi(content: bytes) -> MidiScore:
    """Read a Standard MIDI File.

    Args:
        content: bytes of the file.

    Raises:
        RenderError: if the file is damaged, uses SMPTE frames instead of ticks, or is larger than 16 MiB.
        MissingExtraError: if the package mido is not installed.
    """
    file = _parse(content)
    resolution = int(file.ticks_per_beat)
    if resolution <= 0:
        raise RenderError("the MIDI file uses SMPTE time codes, which are not supported")
    parts: list[MidiPart] = []
    tempi: dict[int, float] = {0: _DEFAULT_TEMPO}
    signatures: dict[int, tuple[int, int]] = {}
    markers: list[tuple[int, str]] = []
    for number, track in enumerate(file.tracks):
        collector = _Collector(number, name=str(track.name).strip())
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempi[tick] = max(float(message.tempo), 1.0)
            elif message.type == "time_signature":
                signatures[tick] = (message.numerator, message.denominator)
            elif message.type == "marker":
                markers.append((tick, str(message.text)))
            elif not message.is_meta:
                collector.add(tick, message)
        parts.extend(collector.parts(tick))
    return MidiScore(
        ticks_per_quarter=resolution,
        parts=tuple(parts),
        tempi=np.array(sorted(tempi.items()), dtype=np.float64),
        signatures=tuple((tick, *signature) for tick, signature in sorted(signatures.items())),
        markers=tuple(sorted(markers)),
    )


def require_mido() -> None:
    """Raise MissingExtraError if the package mido is not installed."""
    try:
        import mido  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("mido", "render", "rendering training music") from error


def _parse(content: bytes) -> Any:
    require_mido()
    import mido

    if len(content) > _MAX_BYTES:
        raise RenderError("the MIDI file is larger than 16 MiB")
    try:
        return mido.MidiFile(file=io.BytesIO(content), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, LookupError, TypeError) as error:
        raise RenderError(f"the MIDI file is damaged ({error or type(error).__name__})") from error
