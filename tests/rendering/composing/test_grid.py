from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.composing.grid import Bar, Grid, make_bars, regular_grid
from beattrack.rendering.composing.harmony import Chord, Section
from beattrack.rendering.metre import METRES

C, F, G = Chord(0), Chord(5), Chord(7)
SECTIONS = (Section("A", ((C,), (F, G))), Section("B", ((G,),)))


def bar(divisions: tuple[int, ...], chords: tuple[Chord, ...] = (C,)) -> Bar:
    return Bar(10, divisions, chords, 0, "A", first=True, last=False)


def test_sixteenths_fall_on_beats_of_any_length() -> None:
    seven = bar((4, 4, 6))
    assert seven.slots == 14
    assert seven.beat_slots() == (0, 4, 8)
    assert [seven.time(slot) for slot in (0, 2, 4, 8, 11, 14)] == [10, 10.5, 11, 12, 12.5, 13]


@pytest.mark.parametrize(
    ("divisions", "change"), [((4, 4, 4, 4), 8), ((4, 4, 4), 8), ((6, 6), 6), ((8, 8), 8), ((4, 4), 4)]
)
def test_the_second_chord_enters_at_the_middle(divisions: tuple[int, ...], change: int) -> None:
    two = bar(divisions, (C, G))
    assert [two.chord_at(slot) for slot in range(two.slots)] == [C] * change + [G] * (two.slots - change)
    assert {bar(divisions).chord_at(slot) for slot in range(two.slots)} == {C}


def test_bars_know_their_section() -> None:
    bars = make_bars(SECTIONS, [(4, 4), (4, 4, 4, 4), (4, 4)])
    assert [(b.beat, b.section, b.letter, b.first, b.last) for b in bars] == [
        (0, 0, "A", True, False),
        (2, 0, "A", False, True),
        (6, 1, "B", True, True),
    ]


def test_a_grid_of_changing_metre() -> None:
    metres = [METRES["4/4"], METRES["2/4"], METRES["7/8"]]
    grid = regular_grid(SECTIONS, metres, 0.5, swing=0.5, sixteenths=False)
    np.testing.assert_allclose(grid.beats, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4])
    assert grid.times[-1] == pytest.approx(4.75)
    np.testing.assert_array_equal(grid.positions, [1, 2, 3, 4, 1, 2, 1, 2, 3])


@pytest.mark.parametrize(
    ("swing", "sixteenths", "expected"),
    [
        (0.5, False, [0, 0.25, 0.5, 0.75, 1]),
        (0.6, False, [0, 0.3, 0.6, 0.8, 1]),
        (0.6, True, [0, 0.3, 0.5, 0.8, 1]),
    ],
)
def test_swing_moves_off_beats_alone(swing: float, sixteenths: bool, expected: list[float]) -> None:
    grid = Grid(np.array([0.0, 1.0, 3.0]), (), swing, sixteenths)
    places = np.array([0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(grid.seconds(places), expected)
    np.testing.assert_allclose(grid.seconds(places + 1), 1 + 2 * np.array(expected))


def test_places_beyond_the_grid_are_extrapolated() -> None:
    grid = Grid(np.array([0.0, 1.0, 3.0]), ())
    np.testing.assert_allclose(grid.seconds(np.array([-0.5, 2.0, 2.5])), [-0.5, 3, 4])


def test_rows_become_a_part_in_seconds() -> None:
    grid = Grid(np.array([0.0, 0.5, 1.0]), ())
    part = grid.part("bass", 33, [(1.0, 1.5, 40, 90), (0.0, 1.0, 43, 200)])
    np.testing.assert_allclose(part.notes, [[0, 0.5, 43, 127], [0.5, 0.75, 40, 90]])
    assert len(grid.part("none", 0, []).notes) == 0
