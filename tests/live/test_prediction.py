from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.live.prediction import Prediction
from tests.streaming_cases import moment, online_state


def test_it_is_the_next_beat_by_the_clock() -> None:
    found = Prediction.at(moment(online_state(120.0, 7.5, position=4), 7.2, 1000.0))
    assert found == Prediction(1007.5, 0.5, 1, 4, 0.9)


def test_without_a_beat_there_is_none() -> None:
    assert Prediction.at(moment(online_state(120.0, None), 7.2, 0.0)) is None
    assert Prediction.at(moment(online_state(None, 7.5), 7.2, 0.0)) is None


def test_without_a_metre_positions_are_unknown() -> None:
    found = Prediction.at(moment(online_state(60.0, 2.0, position=None), 1.0, 0.0))
    assert found == Prediction(2.0, 1.0, None, 4, 0.9)
    assert found.from_time(5.5).position is None
    assert found.downbeat() == found


@given(time=st.floats(-50, 50), position=st.integers(1, 4))
def test_shifted_predictions_are_the_same_beats(time: float, position: int) -> None:
    prediction = Prediction(10.0, 0.5, position, 4)
    later, near = prediction.from_time(time), prediction.nearest(time)
    assert -1e-6 <= later.time - time < 0.5 + 1e-6
    assert abs(near.time - time) <= 0.25 + 1e-6
    for found in (later, near, prediction.downbeat()):
        beats = round((found.time - 10.0) / 0.5)
        assert found.position == (position - 1 + beats) % 4 + 1
    assert prediction.downbeat().position == 1
    assert 10 <= prediction.downbeat().time <= 11.5


def test_a_beat_exactly_now_is_still_to_come() -> None:
    assert Prediction(0.1 + 0.2, 0.5).from_time(0.3).time == pytest.approx(0.3)
