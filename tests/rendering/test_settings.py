from __future__ import annotations

import json

import pytest

from beattrack.errors import SettingsError
from beattrack.rendering.settings import (
    CheckSettings,
    EffectSettings,
    PerformanceSettings,
    RenderSettings,
    SynthesisSettings,
)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (PerformanceSettings, {"voice": 1.1}),
        (PerformanceSettings, {"no_drums": -0.1}),
        (PerformanceSettings, {"seconds": (60.0, 50.0)}),
        (PerformanceSettings, {"jitter": (-0.1, 0.1)}),
        (SynthesisSettings, {"electronic": 2.0}),
        (SynthesisSettings, {"timeout": -1.0}),
        (EffectSettings, {"codec": 1.5}),
        (CheckSettings, {"lag": 0.0}),
        (CheckSettings, {"active": 1.5}),
        (RenderSettings, {"attempts": 0}),
    ],
)
def test_what_is_out_of_range_is_refused(make: type, options: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        make(**options)


def test_amounts_may_exceed_one() -> None:
    assert SynthesisSettings(balance=6.0).balance == 6.0
    assert PerformanceSettings(lead=12.0).lead == 12.0


def test_settings_as_a_record() -> None:
    record = RenderSettings(performance=PerformanceSettings(seconds=(20.0, 30.0))).to_dict()
    assert json.loads(json.dumps(record))["performance"]["seconds"] == [20.0, 30.0]
    assert set(record) == {"performance", "synthesis", "effects", "check", "attempts"}
    assert RenderSettings().mean_seconds == 60.0
