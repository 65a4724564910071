"""The grid of generated parts: bars of felt beats, divided into sixteenths, with harmony."""

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

    Attributes:
        beat: number of its first beat in the song, from 0.
        divisions: sixteenths in each beat.
        chords: one chord, or two of which the second starts in the middle.
        section: number of its section.
        letter: letter of its section.
        first: whether it is the first bar of a section.
        last: whether it is the last bar of a section, so that it may have a fill.
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
        """Number of sixteenths in the bar."""
        return sum(self.divisions)

    def time(self, slot: float) -> float:
        """Return the time in beats of a sixteenth, from 0 and possibly fractional."""
        left = slot
        for index, division in enumerate(self.divisions):
            if left < division:
                return self.beat + index + left / division
            left -= division
        return self.beat + len(self.divisions) + left / self.divisions[-1]

    def beat_slots(self) -> tuple[int, ...]:
        """Return the sixteenths that are on beats."""
        return tuple(sum(self.divisions[:index]) for index in range(len(self.divisions)))

    def chord_at(self, slot: float) -> Chord:
        """Return the chord at a sixteenth."""
        if len(self.chords) == 1:
            return self.chords[0]
        starts = self.beat_slots()
        return self.chords[1 if slot >= starts[(len(starts) + 1) // 2 if len(starts) > 1 else 0] else 0]


@dataclass(frozen=True, eq=False)
class Grid:
    """Beats and bars of a song.

    Attributes:
        times: times of the beats in seconds, and the end of the last bar, shape (beats + 1,).
        bars: bars in order.
        swing: position of the second half of a beat, from 0.5 (straight) to 0.67 (triplets).
        sixteenths: whether half beats swing instead of beats.
    """

    times: Floats  # (beats + 1,)
    bars: tuple[Bar, ...]
    swing: float = 0.5
    sixteenths: bool = False

    def seconds(self, beats: Floats) -> Floats:
        """Convert times in beats to seconds, with swing; times beyond the grid are extrapolated."""
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
        """Return a part in seconds.

        Args:
            name: description of the part.
            program: General MIDI program, or drum kit.
            rows: notes with onsets and offsets in beats.
            drums: whether it is a drum part.
        """
        table = np.array(list(rows), dtype=np.float64).reshape(-1, 4)
        notes = np.column_stack((self.seconds(table[:, 0]), self.seconds(table[:, 1]), table[:, 2:]))
        return Part(name=name, program=program, drums=drums, notes=notes_array(notes))

    @property
    def beats(self) -> Floats:
        """Times of all beats in seconds, shape (beats,)."""
        beats: Floats = self.times[:-1]
        return beats

    @property
    def positions(self) -> Integers:
        """Position of each beat in its bar, from 1, shape (beats,)."""
        positions = [index + 1 for bar in self.bars for index in range(len(bar.divisions))]
        return np.array(positions, dtype=np.int64)


def make_bars(sections: Sequence[Section], divisions: Sequence[tuple[int, ...]]) -> tuple[Bar, ...]:
    """Return the bars of sections.

    Args:
        sections: sections in order.
        divisions: sixteenths in each beat, for each bar in order.
    """
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
    """Return a grid of constant tempo.

    Args:
        sections: sections in order.
        metres: metre of each bar.
        quarter: duration of a quarter note in seconds.
        swing: see `Grid`.
        sixteenths: see `Grid`.
    """
    lengths = np.array([metre.quarters for metre in metres]) * quarter
    starts = np.concatenate(([0.0], np.cumsum(lengths)))
    beats, _ = felt_beats(starts[:-1], list(metres), quarter)
    bars = make_bars(sections, [metre.divisions for metre in metres])
    return Grid(np.append(beats, starts[-1]), bars, swing, sixteenths)
