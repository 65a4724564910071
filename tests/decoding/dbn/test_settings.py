from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.errors import SettingsError


def test_the_range_of_a_metre() -> None:
    settings = DBNSettings(beats_per_bar=(3, 4), min_bpm=(60.0, 70.0), max_bpm=100.0)
    assert settings.bpm_range_of(3) == (60.0, 100.0)
    assert settings.bpm_range_of(4) == (70.0, 100.0)
    assert settings.bpm_range_of(None) == settings.bpm_range_of(5) == (60.0, 100.0)


def test_madmoms_settings_are_at_hand() -> None:
    settings = DBNSettings.madmom(num_tempi=60)
    assert settings.beats_per_bar == (3, 4)
    assert settings.bpm_ranges == ((55.0, 215.0), (55.0, 215.0))
    assert (settings.transition_lambda, settings.observation_lambda, settings.threshold) == (100, 16, 0.05)
    assert settings.correct
    assert settings.num_tempi == 60
    assert settings.tempo_head == 0
    assert DBNSettings.madmom(transition_lambda=50).transition_lambda == 50
    assert DBNSettings().num_tempi is None
    assert DBNSettings().tempo_prior is None


@pytest.mark.parametrize(
    "options",
    [
        {"beats_per_bar": ()},
        {"beats_per_bar": (0, 4)},
        {"beats_per_bar": (3.5,)},
        {"beats_per_bar": "34"},
        {"beats_per_bar": (4, 4)},
        {"beats_per_bar": (1000,)},
        {"min_bpm": 0.0},
        {"min_bpm": -10.0},
        {"min_bpm": 9.9},
        {"min_bpm": (60.0, 1e-3)},
        {"min_bpm": float("nan")},
        {"max_bpm": float("inf")},
        {"min_bpm": 120.0, "max_bpm": 100.0},
        {"min_bpm": (55.0, 60.0, 70.0)},
        {"max_bpm": (200.0,)},
        {"num_tempi": 0},
        {"num_tempi": 2.5},
        {"transition_lambda": -1.0},
        {"transition_lambda": float("nan")},
        {"observation_lambda": 1},
        {"observation_lambda": float("inf")},
        {"threshold": -0.1},
        {"threshold": 1.5},
        {"threshold": float("nan")},
    ],
)
def test_what_is_out_of_range_is_refused_in_one_sentence(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as raised:
        DBNSettings(**options)
    message = str(raised.value)
    assert message
    assert "\n" not in message
    assert not message.endswith(".")


def test_the_slowest_tempo_is_told() -> None:
    assert DBNSettings(min_bpm=10).min_bpm == 10
    with pytest.raises(SettingsError, match="min_bpm must be at least 10, not 1e-05"):
        DBNSettings(min_bpm=1e-5)


@pytest.mark.parametrize("name", ["bpm", "octaves", "strength"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_tempo_prior_takes_positive_numbers_only(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        TempoPrior(**{"bpm": 120.0, "octaves": 1.0, "strength": 1.0, name: value})


def test_sequences_and_single_metres_become_tuples() -> None:
    settings = DBNSettings(beats_per_bar=np.array([3, 4]), min_bpm=[50.0, 60.0])  # type: ignore[arg-type]
    assert settings.beats_per_bar == (3, 4)
    assert settings.min_bpm == (50.0, 60.0)
    assert DBNSettings(beats_per_bar=4).beats_per_bar == (4,)  # type: ignore[arg-type]
    assert hash(settings) == hash(dataclasses.replace(settings))


def test_each_metre_has_its_range() -> None:
    settings = DBNSettings(beats_per_bar=(3, 4), min_bpm=(70.0, 60.0), max_bpm=200.0)
    assert settings.bpm_ranges == ((70.0, 200.0), (60.0, 200.0))
    assert settings.widest_bpm_range == (60.0, 200.0)


def test_settings_are_frozen_and_keyword_only() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DBNSettings().threshold = 0.1  # type: ignore[misc]
    with pytest.raises(TypeError):
        DBNSettings((4,))  # type: ignore[misc]


def test_metre_changes_need_one_tempo_range() -> None:
    with pytest.raises(SettingsError, match="metre_change needs the same tempo range for all metres"):
        DBNSettings(metre_change=0.1, min_bpm=(50.0, 60.0))
    assert DBNSettings(metre_change=0.1, min_bpm=(50.0, 50.0)).metre_change == 0.1
    for wrong in (0.0, 1.0, -1.0):
        with pytest.raises(SettingsError, match="metre_change must be above 0 and below 1"):
            DBNSettings(metre_change=wrong)
