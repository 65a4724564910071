from __future__ import annotations

import pytest

from beattrack.decoding.dbn import TempoPrior
from beattrack.decoding.online import OnlineSettings
from beattrack.errors import SettingsError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beats_per_bar": ()}, "beats_per_bar"),
        ({"beats_per_bar": (3, 3)}, "twice"),
        ({"min_bpm": 5}, "min_bpm must be at least 10"),
        ({"min_bpm": 150, "max_bpm": 100}, "range is empty"),
        ({"transition_lambda": -1}, "transition_lambda"),
        ({"observation_lambda": 1}, "observation_lambda"),
        ({"observation_weight": 0}, "observation_weight"),
        ({"least_activation": 0}, "least_activation"),
        ({"lose": 1}, "lose"),
        ({"bar_change": -0.1}, "bar_change"),
        ({"pause": 0}, "pause"),
        ({"threshold": 0}, "threshold"),
        ({"refractory": 1}, "refractory"),
        ({"wait": 0.1}, "wait must be at most the tolerance of 0.07 seconds"),
        ({"longest_region": 0}, "longest_region"),
        ({"tempo_prior": 100}, "tempo_prior"),
        ({"min_bpm": (50.0, 60.0)}, "min_bpm must be a number"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        OnlineSettings(**values)  # type: ignore[arg-type]


def test_a_single_metre_is_a_tuple() -> None:
    assert OnlineSettings(beats_per_bar=5).beats_per_bar == (5,)  # type: ignore[arg-type]


def test_the_state_space_has_the_same_settings() -> None:
    prior = TempoPrior(90.0, 0.5)
    settings = OnlineSettings(beats_per_bar=(2, 5), min_bpm=60, max_bpm=180, tempo_prior=prior)
    dbn = settings.dbn()
    assert dbn.beats_per_bar == (2, 5)
    assert dbn.widest_bpm_range == (60, 180)
    assert dbn.tempo_prior == prior
    assert dbn.transition_lambda == settings.transition_lambda
    assert dbn.observation_lambda == settings.observation_lambda
