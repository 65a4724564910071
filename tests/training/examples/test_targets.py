from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.training.examples.targets import Targets, make_targets, mark, tempo_distribution


def targets(**changes: object) -> Targets:
    values: dict[str, object] = {
        "beats": np.array([10.0, 60.0, 110.4, 160.0]),
        "positions": np.array([4, 1, 2, 3]),
        "trust": "yes",
        "frames": 300,
        "fps": 100.0,
        **changes,
    }
    return make_targets(**values)  # type: ignore[arg-type]


def test_beats_are_one_with_half_beside() -> None:
    beats = targets().beats
    assert list(beats[9:12]) == [0.5, 1, 0.5]
    assert list(beats[109:112]) == [0.5, 1, 0.5]
    assert beats.sum() == pytest.approx(4 * 2)


def test_downbeats_are_the_beats_of_position_one() -> None:
    downbeats = targets().downbeats
    assert downbeats[60] == 1
    assert downbeats.sum() == pytest.approx(2)


def test_frames_far_from_the_annotation_are_not_judged() -> None:
    weight = targets().beat_weight
    assert weight[0] == 1
    assert weight[:207].all()
    assert weight[207:].sum() == 0  # a beat may follow at 210
    late = targets(beats=np.array([200.0, 250.0]), positions=np.array([1, 2])).beat_weight
    assert late[:154].sum() == 0
    assert late[154:297].all()
    assert late[297:].sum() == 0


@pytest.mark.parametrize(("trust", "weight"), [("yes", 1.0), ("est", 0.5), ("no", 0.0)])
def test_downbeats_weigh_what_they_are_worth(trust: str, weight: float) -> None:
    made = targets(trust=trust)
    np.testing.assert_array_equal(made.downbeat_weight, made.beat_weight * np.float32(weight))


def test_tempo_is_that_of_the_excerpt() -> None:
    assert targets().bpm == pytest.approx(60 / 0.5, rel=0.01)
    assert targets(beats=np.array([10.0, 400.0]), positions=np.array([1, 2])).bpm == 0


def test_what_may_be_a_beat_is_not_judged_and_neither_is_the_tempo() -> None:
    made = targets(unjudged=np.array([-2.0, 35.2, 85.0, 299.0, 400.0]))
    assert list(np.flatnonzero(made.beat_weight[:200] == 0)) == [0, 1, *range(32, 39), *range(82, 89)]
    assert not made.downbeat_weight[32:39].any()
    assert made.bpm == 0
    np.testing.assert_array_equal(made.beats, targets().beats)


def test_without_beats_nothing_is_judged() -> None:
    empty = targets(beats=np.array([]), positions=np.array([], dtype=int))
    assert not empty.beat_weight.any()
    assert not empty.beats.any()


@given(st.lists(st.floats(-5, 105), max_size=8))
def test_marks_stay_inside_and_peaks_win(events: list[float]) -> None:
    marked = mark(np.array(events), 100)
    assert marked.shape == (100,)
    for event in events:
        frame = int(np.floor(event + 0.5))
        if 0 <= frame < 100:
            assert marked[frame] == 1


@given(st.floats(0, 400))
def test_tempo_distribution_sums_to_one_or_is_unknown(bpm: float) -> None:
    distribution = tempo_distribution(bpm, 300)
    if 0 < round(bpm) < 300:
        assert distribution.sum() == pytest.approx(1, abs=1e-6)
        assert distribution.argmax() == round(bpm)
    else:
        assert not distribution.any()
