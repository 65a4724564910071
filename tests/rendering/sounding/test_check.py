from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.settings import SAMPLE_RATE, CheckSettings
from beattrack.rendering.sounding.check import alignment, check, spectral_flux
from tests.rendering_cases import clicks

BEATS = 0.4 + 0.517 * np.arange(56)
SETTINGS = CheckSettings()


@pytest.mark.parametrize("shift", [-0.06, -0.02, 0.0, 0.0125, 0.05])
def test_lag_of_clicks_is_measured(shift: float) -> None:
    lag, ratio = alignment(spectral_flux(clicks(BEATS + shift, 30)), BEATS)
    assert lag == pytest.approx(shift, abs=0.004)
    assert ratio > 8


def test_clicks_on_the_beats_pass() -> None:
    found = check(clicks(BEATS, 30), BEATS, SETTINGS)
    assert found.failure is None
    assert found.active >= 0.95
    assert set(found.to_dict()) == {"lag_ms", "ratio", "level_db", "active"}


@pytest.mark.parametrize(
    ("samples", "failure"),
    [
        (clicks(BEATS + 0.05, 30), "onsets off the beats"),
        (clicks(BEATS, 30) * np.float32(1e-3), "too quiet"),
        (np.zeros(30 * SAMPLE_RATE, np.float32), "too quiet"),
        (np.sin(np.arange(30 * SAMPLE_RATE) * 0.1).astype(np.float32), "no onsets on the beats"),
        (
            np.concatenate((clicks(BEATS[:8], 5), np.zeros(25 * SAMPLE_RATE, np.float32))),
            "silent for too long",
        ),
    ],
)
def test_what_is_of_no_use_fails(samples: np.typing.NDArray[np.float32], failure: str) -> None:
    assert check(samples, BEATS, SETTINGS).failure == failure


def test_level_is_that_of_the_whole() -> None:
    sine = (0.5 * np.sin(np.arange(10 * SAMPLE_RATE) * 0.2)).astype(np.float32)
    assert check(sine, BEATS[:10], SETTINGS).level == pytest.approx(-9.03, abs=0.01)


def test_nothing_to_measure() -> None:
    assert alignment(np.zeros(100), BEATS) == (0.0, 0.0)
    assert alignment(np.ones(100), np.empty(0)) == (0.0, 0.0)
    assert check(np.zeros(10, np.float32), np.empty(0), SETTINGS).failure == "too quiet"


def test_a_slow_metronome_passes_as_plain() -> None:
    beats = 0.4 + 60 / 35 * np.arange(17)
    sound = clicks(beats, 30)
    assert check(sound, beats, SETTINGS).failure == "silent for too long"
    assert check(sound, beats, SETTINGS, plain=True).failure is None
    quiet = np.float32(0.2) * sound
    assert check(quiet, beats, SETTINGS).failure == "too quiet"
    assert check(quiet, beats, SETTINGS, plain=True).failure is None
    assert check(np.float32(1e-3) * sound, beats, SETTINGS, plain=True).failure == "too quiet"
