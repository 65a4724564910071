from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from beattrack.formats.grid import bar_labels, counted, grid, pick_up
from beattrack.formats.tempo_map import EXACT, time_at
from beattrack.result import Beats
from tests.example_beats import any_beats
from tests.timing_cases import bars, recording, song


def signatures(beats: Beats) -> list[tuple[Fraction, int, int]]:
    return [(each.place, each.numerator, each.denominator) for each in grid(beats).signatures]


def at(step: float, count: int, first: float) -> np.ndarray:
    return first + np.arange(count) * step


def test_whole_beats_lead_in_and_share_a_bar_with_the_pick_up() -> None:
    beats = recording(at(0.5, 10, first=0.5), bars(4, 4, pick_up=2))
    assert signatures(beats) == [(0, 3, 4), (3, 4, 4)]
    assert grid(beats).places[:3] == [1, 2, 3]
    assert grid(beats).bars == [3, 7]


def test_a_long_lead_in_is_a_short_bar_and_whole_ones() -> None:
    beats = recording(at(0.5, 8, first=5.5), bars(4, 4))
    assert signatures(beats) == [(0, 3, 4), (3, 4, 4)]
    assert grid(beats).bars == [11, 15]


@pytest.mark.parametrize(
    ("first", "lead"),
    [(0.0, 0), (0.0004, 0), (0.01, "1/8"), (0.12, "1/4"), (0.2, "1/2"), (0.3, 1), (0.7, 1), (0.8, 2)],
)
def test_the_lead_in_is_at_about_the_tempo_of_the_music(first: float, lead: object) -> None:
    beats = recording(at(0.5, 8, first=first), bars(4, 4))
    assert grid(beats).places[0] == Fraction(str(lead))
    assert grid(beats).places[1] - grid(beats).places[0] == 1


def test_a_lead_in_of_half_a_beat_has_its_own_time_signature() -> None:
    assert signatures(recording(at(0.5, 8, first=0.2), bars(4, 4))) == [(0, 1, 8), (Fraction(1, 2), 4, 4)]
    assert signatures(recording(at(0.5, 9, first=0.2), bars(4, 4, pick_up=1)))[0] == (0, 3, 8)


def test_metre_changes_begin_at_downbeats() -> None:
    beats = recording(at(0.5, 21, first=0.0), bars(4, 3, 3, 2, 4, last=5), metre=4)
    assert signatures(beats) == [(0, 4, 4), (4, 3, 4), (10, 2, 4), (12, 4, 4)]


def test_the_tempo_before_a_pause_is_counted_on() -> None:
    times = [*at(0.5, 8, first=0.0), *at(0.5, 8, first=24.0)]
    beats = recording(times, bars(4, 4, 4, 4))
    assert grid(beats).places[8] == 48
    assert signatures(beats) == [(0, 4, 4)]
    assert {round(piece.bpm) for piece in grid(beats).tempi} == {120}
    odd = recording([*at(0.5, 8, first=0.0), *at(0.5, 8, first=24.5)], bars(4, 4, 4, 4))
    assert signatures(odd) == [(0, 4, 4), (48, 1, 4), (49, 4, 4)]


def test_music_without_bars_is_counted_in_four() -> None:
    assert signatures(recording(at(0.5, 8, first=0.5))) == [(0, 1, 4), (1, 4, 4)]
    assert grid(recording(at(0.5, 8, first=0.5))).bars == []


def test_hours_after_times_that_are_no_music_are_not_counted_in_milliseconds() -> None:
    found = grid(recording([0.0, 0.001, 0.002, 15_500.0], duration=15_500.0))
    assert found.places[-1] == 2 + 155_000
    assert len(found.tempi) < 10


def test_no_beats_and_one_beat() -> None:
    assert signatures(recording([], [])) == [(0, 4, 4)]
    assert grid(recording([], [])).tempi[0].bpm == 120
    one = grid(recording([0.8], [1], duration=1.0))
    assert one.tempi[0].at(float(one.places[0])) == pytest.approx(0.8)


def test_beats_of_a_song_are_on_the_grid() -> None:
    beats = song()
    found = grid(beats)
    errors = [time_at(found.tempi, float(p)) - t for p, t in zip(found.places, beats.times, strict=True)]
    assert np.abs(errors).max() <= EXACT + 1e-9


@given(any_beats())
@settings(max_examples=80, deadline=None)
def test_any_beats_have_a_grid(beats: Beats) -> None:
    found = grid(beats)
    assert len(found.places) == len(beats)
    assert found.tempi[0].place == found.signatures[0].place == 0
    assert all(before < after for before, after in zip(found.places, found.places[1:], strict=False))
    assert all(0 < piece.period < 60 for piece in found.tempi)
    ends = [signature.place for signature in found.signatures[1:]]
    for signature, end in zip(found.signatures, ends, strict=False):
        bar = Fraction(4 * signature.numerator, signature.denominator)
        assert (end - signature.place) % bar == 0
    for bar_line in found.bars:  # every downbeat begins a bar
        signature = [each for each in found.signatures if each.place <= bar_line][-1]
        assert (bar_line - signature.place) % Fraction(4 * signature.numerator, signature.denominator) == 0


def test_counting_skips_the_beats_of_a_pause() -> None:
    assert counted([0.0, 0.5, 1.0, 1.5, 4.0, 4.5]) == [0, 1, 2, 3, 8, 9]
    assert counted([]) == []


def test_pick_ups_and_labels() -> None:
    beats = recording(at(0.5, 7, first=0.0), bars(4, pick_up=3))
    assert pick_up(beats) == 3
    assert bar_labels(beats) == ["0.2", "0.3", "0.4", "1.1", "1.2", "1.3", "1.4"]
    assert pick_up(recording(at(0.5, 2, first=0.0), [3, 4])) == 2
    assert pick_up(recording(at(0.5, 2, first=0.0))) == 0
