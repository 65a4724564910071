from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beattrack.decoding.anchors import Anchors, as_anchors
from beattrack.errors import SettingsError


def test_anchors_are_sorted_with_their_positions() -> None:
    anchors = Anchors((7.0, 5.0, 6.0), (1, 3, None))
    assert anchors.pairs == [(5.0, 3), (6.0, None), (7.0, 1)]
    assert len(anchors) == 3
    assert Anchors((5, 4)) == Anchors((4.0, 5.0), (None, None))


@pytest.mark.parametrize(
    ("known", "pairs"),
    [
        ([5.3], [(5.3, None)]),
        ([(5.3, 1)], [(5.3, 1)]),
        ([7, (5.3, 2), [6.0, None]], [(5.3, 2), (6.0, None), (7.0, None)]),
        (np.array([1.5, 2.5]), [(1.5, None), (2.5, None)]),
        (((np.float32(0.5), np.int64(4)),), [(0.5, 4)]),
    ],
)
def test_callers_may_pass_times_or_pairs(known: Any, pairs: list[tuple[float, int | None]]) -> None:
    anchors = as_anchors(known)
    assert anchors is not None
    assert anchors.pairs == pairs
    assert as_anchors(anchors) is anchors


def test_nothing_is_no_anchors() -> None:
    assert as_anchors(None) is None


@pytest.mark.parametrize(
    "known", [[], 5.3, "5.3", [(1.0, 2, 3)], [-1.0], ["1"], [(1.0, 0)], [(1.0, 1.5)], [(1.0, 65)], [np.nan]]
)
def test_what_are_no_anchors_is_refused(known: Any) -> None:
    with pytest.raises(SettingsError, match="anchor"):
        as_anchors(known)


def test_positions_are_as_many_as_times() -> None:
    with pytest.raises(SettingsError, match="must be 2, as many as times, not 1"):
        Anchors((1.0, 2.0), (1,))


def test_nearest_frames_stay_inside() -> None:
    anchors = Anchors((0.0, 0.014, 0.016, 0.5))
    assert anchors.frames(100.0, 40).tolist() == [0, 1, 2, 39]
    assert anchors.frames(100.0, 40, start=0.01).tolist() == [0, 0, 1, 39]


def test_anchors_outside_are_named() -> None:
    Anchors((0.0, 4.0)).check_inside(4.0)
    with pytest.raises(SettingsError, match=r"at 4\.01 s is outside the recording, which lasts 4\.00 s"):
        Anchors((1.0, 4.01)).check_inside(4.0)
    with pytest.raises(SettingsError, match="outside"):
        Anchors((0.0,)).check_inside(0.0)


def test_a_part_of_the_anchors_is_kept() -> None:
    anchors = Anchors((1.0, 2.0, 3.0), (1, None, 3), tolerance=0.01)
    assert anchors.keep(np.array([True, False, True])) == Anchors((1.0, 3.0), (1, 3), tolerance=0.01)
    assert anchors.keep(np.zeros(3, dtype=bool)) is None


def test_the_nearest_beat_within_the_tolerance_is_held() -> None:
    times = np.array([0.95, 1.02, 1.5, 2.08])
    assert Anchors((1.0, 2.0)).held(times, 100.0).tolist() == [False, True, False, False]
    assert Anchors((1.504,), tolerance=0).held(times, 100.0).tolist() == [False, False, True, False]
    assert Anchors((1.0,)).held(np.empty(0), 100.0).tolist() == []
    assert Anchors((0.5, 0.96, 3.0)).held(times[:1], 100.0).tolist() == [True]
    assert Anchors((0.5, 3.0)).held(times[:1], 100.0).tolist() == [False]
    assert Anchors((0.94, 2.1)).held(times, 100.0).tolist() == [True, False, False, True]
