"""The grid on which generated parts are written: bars of felt beats, cut into sixteenths, with harmony."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from beattrack.rendering.composing.harmony import Chord, Section
from beattrack.rendering.metre import Metre, felt_beats
from beattrack.rendering.piece import Floats, Integers, Part, notes_array

Row = tuple[float, float, float, float]  # onset and offset in beats, pitch, velocity


@dataclass(frozen=True)
class Bar:
    """One bar of the grid.

    beat: number of its first beat, counted from the start of the song.
    divisions: sixteenths in each beat.
    chords: one, or two of which the second enters at the middle.
    section: number of its section; letter: of that section.
    last: it ends a section, so that a fill may come; first: it begins one.
    """

    beat: int
    divisions: tuple[int, ...]
    chords: tuple[Chord, ...]
    section: int
    letter: str
    first: bool
    last: bool

    @property
    def slots(self) -> int:
        """Sixteenths in the bar."""
        return sum(self.divisions)

    def time(self, slot: float) -> float:
        """Beat, with fraction, at which sixteenth `slot` (from 0, may be fractional) begins."""
        left = slot
        for index, division in enumerate(self.divisions):
            if left < division:
                return self.beat + index + left / division
            left -= division
        return self.beat + len(self.divisions) + left / self.divisions[-1]

    def beat_slots(self) -> tuple[int, ...]:
        """The sixteenths on which beats lie."""
        return tuple(sum(self.divisions[:index]) for index in range(len(self.divisions)))

    def chord_at(self, slot: float) -> Chord:
        """The chord that sounds at a sixteenth."""
        if len(self.chords) == 1:
            return self.chords[0]
        starts = self.beat_slots()
        return self.chords[1 if slot >= starts[(len(starts) + 1) // 2 if len(starts) > 1 else 0] else 0]


@dataclass(frozen=True, eq=False)
class Grid:
    """Times of beats, between which everything is written.

    times: (beats + 1,) seconds, the last one the end of the last bar.
    bars: in order.
    swing: place of the second half of a beat (of a half beat where `sixteenths`), 0.5 straight, 0.67 triplet.
    """

    times: Floats  # (beats + 1,)
    bars: tuple[Bar, ...]
    swing: float = 0.5
    sixteenths: bool = False

    def seconds(self, beats: Floats) -> Floats:
        """Seconds of places in beats, with swing; (n,) to (n,). Places beyond the grid are extrapolated."""
        whole = np.floor(beats + 1e-9)
        places = whole + self._swung(np.clip(beats - whole, 0.0, 1.0))
        last = len(self.times) - 1
        index = np.clip(places.astype(np.int64), 0, last - 1)
        step = self.times[index + 1] - self.times[index]
        times: Floats = self.times[index] + (places - index) * step
        return times

    def _swung(self, fraction: Floats) -> Floats:
        if self.swing == 0.5:
            return fraction
        halves = 2 if self.sixteenths else 1
        whole = np.minimum(np.floor(fraction * halves), halves - 1)
        inner = fraction * halves - whole
        late = np.where(
            inner < 0.5, inner * 2 * self.swing, self.swing + (inner - 0.5) * 2 * (1 - self.swing)
        )
        moved: Floats = (whole + late) / halves
        return moved

    def part(self, name: str, program: int, rows: Iterable[Row], *, drums: bool = False) -> Part:
        """A part in seconds from rows in beats."""
        table = np.array(list(rows), dtype=np.float64).reshape(-1, 4)
        notes = np.column_stack((self.seconds(table[:, 0]), self.seconds(table[:, 1]), table[:, 2:]))
        return Part(name=name, program=program, drums=drums, notes=notes_array(notes))

    @property
    def beats(self) -> Floats:
        """Times of all beats of the bars. (beats,)"""
        beats: Floats = self.times[:-1]
        return beats

    @property
    def positions(self) -> Integers:
        """Position of each beat in its bar, from 1. (beats,)"""
        positions = [index + 1 for bar in self.bars for index in range(len(bar.divisions))]
        return np.array(positions, dtype=np.int64)


def make_bars(sections: Sequence[Section], divisions: Sequence[tuple[int, ...]]) -> tuple[Bar, ...]:
    """Bars from sections and the divisions of each bar in turn."""
    bars: list[Bar] = []
    beat = 0
    for number, section in enumerate(sections):
        for index, chords in enumerate(section.bars):
            division = divisions[len(bars)]
            first, last = index == 0, index == len(section.bars) - 1
            bars.append(Bar(beat, division, chords, number, section.letter, first, last))
            beat += len(division)
    return tuple(bars)


def regular_grid(
    sections: Sequence[Section], metres: Sequence[Metre], quarter: float, *, swing: float, sixteenths: bool
) -> Grid:
    """A grid of constant tempo; `quarter` is the length of a quarter note in seconds, one metre a bar."""
    lengths = np.array([metre.quarters for metre in metres]) * quarter
    starts = np.concatenate(([0.0], np.cumsum(lengths)))
    beats, _ = felt_beats(starts[:-1], list(metres), quarter)
    bars = make_bars(sections, [metre.divisions for metre in metres])
    return Grid(np.append(beats, starts[-1]), bars, swing, sixteenths)
