from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.errors import ModelError, SettingsError
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import (
    FrontEndSettings,
    HarmonyPathSettings,
    NetworkSettings,
    TCNSettings,
)


def make_tcn(*, parallel_pair: bool, mix_1x1: bool, **settings: Any) -> TCNSettings:
    return TCNSettings(parallel_pair=parallel_pair, mix_1x1=mix_1x1 or parallel_pair, **settings)


tcn_settings = st.builds(
    make_tcn,
    channels=st.just(TCNSettings().channels),
    kernel=st.sampled_from([3, 5, 7]),
    dilations=st.lists(st.integers(1, 4096), min_size=1, max_size=5).map(tuple),
    causal=st.booleans(),
    parallel_pair=st.booleans(),
    residual_1x1=st.booleans(),
    activation=st.sampled_from(["elu", "relu", "gelu"]),
    gated=st.booleans(),
    dropout=st.floats(0, 0.9),
    dropout_kind=st.sampled_from(["spatial", "element"]),
    stacks=st.integers(1, 3),
    convolutions=st.integers(1, 3),
    norm=st.sampled_from(["none", "batch", "layer", "weight"]),
    mix_1x1=st.booleans(),
    activate_sum=st.booleans(),
    output=st.sampled_from(["residual", "skips", "wavenet"]),
)


@given(tcn=tcn_settings, bins=st.integers(0, 400), sum_head=st.booleans())
def test_settings_survive_json(tcn: TCNSettings, bins: int, sum_head: bool) -> None:
    bins = 0 if tcn.causal else bins
    settings = ModelSettings(network=NetworkSettings(tcn=tcn, tempo_bins=bins, sum_head=sum_head))
    assert ModelSettings.from_json(settings.to_json()) == settings


def test_settings_from_before_the_options_of_other_implementations_are_read() -> None:
    data = json.loads(ModelSettings().to_json())
    for name in ("stacks", "convolutions", "norm", "mix_1x1", "activate_sum", "output"):
        del data["network"]["tcn"][name]
    assert ModelSettings.from_json(json.dumps(data)) == ModelSettings()
    tcn = TCNSettings()
    assert (tcn.stacks, tcn.convolutions, tcn.norm) == (1, 1, "none")
    assert (tcn.mix_1x1, tcn.activate_sum, tcn.output) == (True, False, "residual")


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(ModelSettings().to_json()), **changes})


def network(**changes: object) -> str:
    data = json.loads(ModelSettings().to_json())
    data["network"].update(changes)
    return json.dumps(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        changed(format=2),
        changed(colour="red"),
        changed(spectrogram=3),
        network(tempo_bins="many"),
        network(tempo_bins=1.5),
        network(tempo_bins=True),
        network(sum_head=1),
        network(tcn={}),
        network(front_end={**json.loads(network())["network"]["front_end"], "pools": 3}),
        network(tcn={**json.loads(network())["network"]["tcn"], "activation": "swish"}),
    ],
)
def test_foreign_settings_are_a_model_error(text: str) -> None:
    with pytest.raises(ModelError):
        ModelSettings.from_json(text)


def test_bands_must_agree() -> None:
    narrow = FrontEndSettings(bands=64, frequency_kernels=(3, 3, 3), pools=(3, 3, 4))
    with pytest.raises(SettingsError, match="73 bands"):
        ModelSettings(network=NetworkSettings(front_end=narrow))


def causal(delay: int, look_ahead: int) -> NetworkSettings:
    return NetworkSettings(
        tcn=TCNSettings(channels=48, causal=True),
        harmony=HarmonyPathSettings(delay=delay),
        tempo_bins=0,
        look_ahead=look_ahead,
    )


def test_a_causal_network_waits_for_the_end_of_the_long_windows() -> None:
    # A window of 8192 samples ends 174 ms after one of 1024 samples with the same centre.
    assert ModelSettings.of(causal(15, 2)).network.harmony is not None
    assert ModelSettings.of(causal(17, 0)).network.harmony is not None
    for delay, look_ahead in ((14, 2), (16, 0)):
        with pytest.raises(SettingsError, match="delay must be at least"):
            ModelSettings.of(causal(delay, look_ahead))
