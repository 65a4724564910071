from __future__ import annotations

import numpy as np
import pytest

from beattrack.decoding.dbn.weights import apply, log_sum, merged, normalise, reversed_links


def test_log_sum() -> None:
    assert log_sum(np.log([0.1, 0.2, 0.3])) == pytest.approx(np.log(0.6))
    assert log_sum(np.array([-5000.0, -5000.0])) == pytest.approx(-5000 + np.log(2))
    assert log_sum(np.array([-np.inf, -np.inf])) == -np.inf


def test_apply_ignores_factors_of_nothing() -> None:
    """A factor of a weight of 0 must not decide the scale, by which all others would be lost."""
    weights = np.array([[[0.0], [0.5]]])
    factors = np.array([[[0.0], [-2000.0]]])
    scales = apply(factors, weights)
    assert scales.tolist() == [[-2000.0]]
    assert weights.tolist() == [[[0.0], [0.5]]]
    nothing = np.zeros((1, 2, 1))
    assert apply(np.zeros((1, 2, 1)), nothing).tolist() == [[0.0]]
    assert not nothing.any()


def test_normalise() -> None:
    weights = np.array([[[2.0, 0.0], [4.0, 0.0]]])
    scales = normalise(weights, np.array([[1.0, 7.0]]), weights)
    assert weights.tolist() == [[[0.5, 0.0], [1.0, 0.0]]]
    assert scales.tolist() == [[1 + np.log(4), -np.inf]]


def test_merged_adds_over_different_scales() -> None:
    links = (((1, 0.0),), ((0, np.log(0.25)), (1, np.log(0.75))))
    weights = np.array([[[1.0]], [[0.5]]])
    found, scales = merged(weights, np.array([[800.0], [801.0]]), links)
    logs = np.log(found[:, 0, 0]) + scales[:, 0]
    expected = [np.log(0.5) + 801, 800 + np.log(0.25 + 0.75 * 0.5 * np.e)]
    assert logs.tolist() == pytest.approx(expected)


def test_links_are_reversed() -> None:
    links = (((2, -0.1), (1, -2.0)), ((0, 0.0),), ((1, -0.5),))
    back = (((1, 0.0),), ((0, -2.0), (2, -0.5)), ((0, -0.1),))
    assert reversed_links(links) == back
    assert tuple(tuple(sorted(row)) for row in reversed_links(back)) == tuple(
        tuple(sorted(row)) for row in links
    )
