from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.datasets import DatasetError
from beattrack.datasets.beats import MIN_BEATS, usable_beats

TIMES = np.arange(1, 17) * 0.5
POSITIONS = np.arange(16) % 4 + 1


def test_good_beats_are_taken_as_they_are() -> None:
    beats = usable_beats(TIMES, POSITIONS, seconds=10)
    np.testing.assert_array_equal(beats.times, TIMES)
    np.testing.assert_array_equal(beats.positions, POSITIONS)
    assert (beats.downbeats, beats.notes) == ("yes", ())


def test_without_positions_the_bars_are_unknown() -> None:
    beats = usable_beats(TIMES, None, seconds=10)
    assert beats.downbeats == "no"
    assert not beats.positions.any()


@pytest.mark.parametrize(
    "positions", [np.ones(16), np.full(16, 2), np.zeros(16), np.arange(1, 17) * 10, np.arange(-3, 13) * 5]
)
def test_a_column_of_something_else_is_no_bar(positions: np.ndarray) -> None:
    beats = usable_beats(TIMES, positions, seconds=10)
    assert beats.downbeats == "no"
    assert not beats.positions.any()
    assert "not a position in the bar" in beats.notes[0]


def test_times_out_of_order_are_sorted_with_their_positions() -> None:
    order = np.random.default_rng(0).permutation(16)
    beats = usable_beats(TIMES[order], POSITIONS[order], seconds=10)
    np.testing.assert_array_equal(beats.times, TIMES)
    np.testing.assert_array_equal(beats.positions, POSITIONS)
    assert beats.notes == ("times out of order were sorted",)


def test_beats_before_the_start_are_left_out() -> None:
    beats = usable_beats(TIMES - 1.2, POSITIONS, seconds=10)
    assert len(beats.times) == len(beats.positions) == 14
    assert beats.notes == ("2 beats before 0 s left out",)


@pytest.mark.parametrize(("seconds", "kept"), [(8.0, 15), (7.8, 15)])
def test_a_beat_after_the_end_is_left_out(seconds: float, kept: int) -> None:
    beats = usable_beats(TIMES, POSITIONS, seconds=seconds)
    assert len(beats.times) == len(beats.positions) == kept
    assert beats.notes == ("1 beat after the end of the audio left out",)


@pytest.mark.parametrize("seconds", [0.1, 2.2, 6.9])
def test_audio_shorter_than_its_annotation_is_refused(seconds: float) -> None:
    with pytest.raises(
        DatasetError, match=rf"\({seconds:.1f} s\) is shorter than its annotation \(to 8\.0 s\)"
    ):
        usable_beats(TIMES, POSITIONS, seconds=seconds)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ([], "no beats"),
        ([1.0], "only 1 beat"),
        ([1.0, 1.5, 2.0], "only 3 beats"),
        ([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], "only 3 beats"),
        ([1.0, np.nan, 2.0, 3.0], "not a number"),
        ([1.0, np.inf, 2.0, 3.0], "not a number"),
        ([1, 2, 3, 1e6], "must be in seconds"),
        (["one", "two"], "annotation"),
        (np.arange(100) * 0.01, "not a musical tempo"),
        (np.arange(10) * 9.0, "not a musical tempo"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_reason(times: object, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        usable_beats(times, None, seconds=100)


@given(
    st.lists(st.floats(-5, 60), max_size=30),
    st.none() | st.lists(st.integers(-3, 40), min_size=30, max_size=30),
    st.floats(0, 50),
)
def test_beats_are_usable_or_refused(times: list[float], positions: list[int] | None, seconds: float) -> None:
    try:
        beats = usable_beats(times, None if positions is None else positions[: len(times)], seconds=seconds)
    except DatasetError:
        return
    assert len(beats.times) == len(beats.positions) >= MIN_BEATS
    assert (np.diff(beats.times) > 0).all()
    assert beats.times[0] >= 0
    assert beats.times[-1] < seconds
    assert set(beats.times) <= set(times)
    assert (beats.positions >= 0).all()
    assert beats.downbeats == ("yes" if (beats.positions == 1).any() else "no")
