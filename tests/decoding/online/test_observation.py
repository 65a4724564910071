from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.dbn.observation import beat_classes, observe
from beattrack.decoding.online import OnlineSettings
from beattrack.decoding.online.observation import likelihood_ratios

PLAIN = OnlineSettings(observation_weight=1.0, least_activation=1e-6)


@given(st.lists(st.tuples(st.floats(0.01, 0.98), st.floats(0.01, 0.99)), min_size=1))
def test_without_a_weight_they_are_the_densities_of_the_offline_decoder(
    frames: list[tuple[float, float]],
) -> None:
    beats, share = np.array(frames).T
    downbeats = beats * share
    classes = beat_classes(Activations(beats, downbeats, 100.0))
    expected = np.exp(observe(classes, PLAIN.observation_lambda).scores).T
    np.testing.assert_allclose(likelihood_ratios(beats, downbeats, PLAIN), expected, rtol=1e-6)
    expected = np.exp(observe(beats[None], PLAIN.observation_lambda).scores).T
    np.testing.assert_allclose(likelihood_ratios(beats, None, PLAIN), expected, rtol=1e-6)


def test_the_weight_is_an_exponent() -> None:
    beats, downbeats = np.array([0.2, 0.9]), np.array([0.1, 0.3])
    half = OnlineSettings(observation_weight=0.5, least_activation=1e-6)
    np.testing.assert_allclose(
        likelihood_ratios(beats, downbeats, half) ** 2, likelihood_ratios(beats, downbeats, PLAIN)
    )


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf, -np.inf, 5.0, -5.0])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ratios_are_finite_and_positive(value: float, dtype: type) -> None:
    odd = np.array([value, 0.5], dtype=dtype)
    usual = np.array([0.5, 0.5], dtype=dtype)
    for beats, downbeats in ((odd, usual), (usual, odd), (odd, odd), (odd, None)):
        ratios = likelihood_ratios(beats, downbeats, OnlineSettings())
        assert ratios.shape == (2, 1 if downbeats is None else 2)
        assert np.isfinite(ratios).all()
        assert (ratios > 0).all()


def test_higher_activations_fit_a_beat_better() -> None:
    beats = np.linspace(0, 1, 50)
    ratios = likelihood_ratios(beats, 0.2 * beats, OnlineSettings())
    assert (np.diff(ratios, axis=0) >= 0).all()
    assert ratios[0].max() < 1 < ratios[-1].min()
