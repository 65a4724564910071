from __future__ import annotations

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.decoding.dbn.observation import (
    Window,
    active_frames,
    beat_classes,
    observe,
    region_sums,
)


def test_classes_split_beats_from_downbeats() -> None:
    activations = Activations(np.array([0.75, 0.5, 0.25]), np.array([0.5, 0.0, 0.5]), 100.0)
    np.testing.assert_array_equal(beat_classes(activations), [[0.5, 0.0, 0.5], [0.25, 0.5, 0.0]])
    np.testing.assert_array_equal(beat_classes(Activations(np.array([0.5]), None, 100.0)), [[0.5]])


@pytest.mark.parametrize(
    ("row", "threshold", "expected"),
    [
        ([0.0, 0.1, 0.5, 0.2, 0.1], 0.2, slice(2, 4)),
        ([0.0, 0.1, 0.5, 0.2, 0.1], 0.0, slice(0, 5)),
        ([0.0, 0.1], 0.5, slice(0, 0)),
        ([0.5, 0.1], 0.5, slice(0, 0)),  # frame 0 alone, as in madmom
        ([0.5, 0.5], 0.5, slice(0, 2)),
        ([], 0.5, slice(0, 0)),
        ([], 0.0, slice(0, 0)),
    ],
)
def test_active_frames(row: list[float], threshold: float, expected: slice) -> None:
    assert active_frames(np.array([row]), threshold) == expected


def test_windows_extend_the_active_frames() -> None:
    row = np.array([[0.0, 0.0, 0.0, 0.9, 0.9, 0.0, 0.0, 0.0]])
    assert active_frames(row, 0.5, [Window(1, 3)]) == slice(1, 5)
    assert active_frames(row, 0.5, [Window(3, 4), Window(6, 7)]) == slice(3, 7)
    assert active_frames(row, 0.0, [Window(6, 7)]) == slice(0, 8)
    assert active_frames(row, 1.0, [Window(2, 3), Window(5, 6)]) == slice(2, 6)


def test_single_precision_is_compared_in_single_precision() -> None:
    assert active_frames(np.full((1, 3), 0.05, np.float32), 0.05) == slice(0, 3)


def test_any_class_can_be_active() -> None:
    assert active_frames(np.array([[0.9, 0.0, 0.0, 0.0], [0.0, 0.0, 0.9, 0.0]]), 0.5) == slice(0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_densities_are_those_of_the_model_in_the_inputs_precision(dtype: type[np.floating]) -> None:
    classes = np.array([[0.5, 0.125, 0.1], [0.25, 0.5, 0.001]], dtype)
    observation = observe(classes, 16)
    no_beat = np.log((1 - classes.sum(axis=0)) / 15).astype(np.float64)
    assert observation.base == no_beat.sum()
    np.testing.assert_array_equal(observation.scores, np.log(classes).astype(np.float64) - no_beat)
    assert observation.scores.dtype == np.float64
    assert observation.frames == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_densities_of_0_and_1_are_finite_and_keep_their_order(dtype: type[np.floating]) -> None:
    smallest = np.finfo(dtype).smallest_subnormal
    almost = 1 - np.finfo(dtype).epsneg
    observation = observe(np.array([[0, smallest, almost, 1]], dtype), 16)
    assert np.isfinite(observation.scores).all()
    assert np.isfinite(observation.base)
    assert (np.diff(observation.scores[0]) > 0).all()


def test_region_sums_count_frames_outside_as_nothing() -> None:
    scores = np.array([[1.0, 2.0, 4.0, 8.0], [16.0, 32.0, 64.0, 128.0]])
    sums = region_sums(scores, -2, 6, 3)
    assert sums.shape == (2, 4, 8)
    assert not sums[:, 0].any()
    np.testing.assert_array_equal(sums[0, 1], [0, 0, 1, 2, 4, 8, 0, 0])
    np.testing.assert_array_equal(sums[0, 3], [1, 3, 7, 14, 12, 8, 0, 0])
    np.testing.assert_array_equal(sums[1], 16 * sums[0])


def test_region_sums_of_a_part_equal_those_of_the_whole() -> None:
    scores = np.random.default_rng(0).standard_normal((2, 50))
    whole = region_sums(scores, -5, 60, 4)
    np.testing.assert_array_equal(region_sums(scores, 7, 20, 4), whole[:, :, 12:25])
    assert not region_sums(scores, -30, -10, 4).any()
