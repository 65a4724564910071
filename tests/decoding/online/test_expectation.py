from __future__ import annotations

import numpy as np
import pytest

from beattrack.decoding.online import OnlineSettings, OnlineState
from beattrack.decoding.online.expectation import dominant_tempo, expectation
from beattrack.decoding.online.filter import ForwardFilter
from beattrack.decoding.online.model import online_model

INTERVALS = np.arange(28, 110)


def probabilities(**at: float) -> np.ndarray:
    values = np.zeros(len(INTERVALS))
    for name, value in at.items():
        values[int(name[1:]) - 28] = value
    return values


def test_the_mean_is_taken_inside_one_octave() -> None:
    interval, near = dominant_tempo(probabilities(f50=0.3, f51=0.3, f100=0.4), INTERVALS)
    assert interval == pytest.approx(50.5)
    assert near[[22, 23]].all()
    assert not near[100 - 28]


def test_probabilities_of_neighbours_count_together() -> None:
    interval, _ = dominant_tempo(probabilities(f40=0.3, f78=0.2, f80=0.2, f81=0.2), INTERVALS)
    assert interval == pytest.approx(239 / 3)


def at_one_state(interval: int, place: int, age: int, *, bars: bool = True) -> ForwardFilter:
    """A filter that is certain of a state."""
    model = online_model(OnlineSettings(lose=0.0, bar_change=0.0), 100.0, bars=bars)
    posterior = ForwardFilter(model)
    posterior.reset()
    posterior.lost = 0.0
    posterior._ring[:] = 0.0
    posterior._ring[posterior._began(np.array(-age)), interval - 28, place] = 1.0
    return posterior


def expected(posterior: ForwardFilter, *, bars: bool = True) -> OnlineState:
    return expectation(posterior, 1000, 100.0, 7, bars=bars)


@pytest.mark.parametrize(("place", "metre", "position"), [(0, 3, 1), (2, 3, 3), (3, 4, 1), (6, 4, 4)])
@pytest.mark.parametrize("age", [0, 20, 49])
def test_a_certain_state(place: int, metre: int, position: int, age: int) -> None:
    state = expected(at_one_state(50, place, age))
    assert state.bpm == pytest.approx(120)
    assert (state.metre, state.metre_confidence) == (metre, 1.0)
    assert state.position == position
    assert state.phase == pytest.approx(age / 50)
    assert state.next_beat == pytest.approx(10.0 + (50 - age) / 100)
    assert state.confidence == pytest.approx(1.0)


@pytest.mark.parametrize(("more", "position"), [(0.6, 3), (0.4, 3)])
def test_states_before_and_after_a_beat_agree_on_the_position(more: float, position: int) -> None:
    # One state is about to end the second beat, the other has just begun the third.
    posterior = at_one_state(50, 4, 48)
    posterior._ring *= 1 - more
    posterior._ring[posterior._began(np.array(-6)), 50 - 28, 5] = more
    state = expected(posterior)
    assert 0 <= state.phase < 0.2
    assert state.position == position
    assert state.confidence == pytest.approx(1.0)


def test_other_phases_lower_the_confidence() -> None:
    posterior = at_one_state(50, 3, 10)
    posterior._ring *= 0.7
    posterior._ring[posterior._began(np.array(-35)), 50 - 28, 3] = 0.2
    posterior.lost = 0.1
    assert expected(posterior).confidence == pytest.approx(0.7)


def test_a_lost_beat_has_no_tempo() -> None:
    posterior = at_one_state(50, 3, 10)
    posterior._ring *= 0.4
    posterior.lost = 0.6
    assert expected(posterior).bpm is None
    assert expected(posterior).confidence == 0.0


def test_beats_alone() -> None:
    state = expected(at_one_state(60, 0, 15, bars=False), bars=False)
    assert (state.metre, state.position, state.metre_confidence) == (None, None, 0.0)
    assert state.bpm == pytest.approx(100)
