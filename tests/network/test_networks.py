"""The networks that can be trained by name: sizes, heads, causality, and their page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beattrack.errors import SettingsError
from beattrack.network.model_settings import ModelSettings
from beattrack.network.networks import MATCHED_WIDTH, NETWORKS, network_settings
from beattrack.network.settings import NetworkSettings
from beattrack.registry import find

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


def count(settings: NetworkSettings) -> int:
    pytest.importorskip("torch")
    from beattrack.network.size import parameter_count

    return parameter_count(settings)


def test_all_networks_of_the_comparison_are_of_one_size() -> None:
    reference = count(NETWORKS["tcn"].matched)
    for name, config in NETWORKS.items():
        assert abs(count(config.matched) / reference - 1) < 0.05, name


def test_they_read_the_same_input_and_have_the_same_heads() -> None:
    for name, config in NETWORKS.items():
        matched = config.matched
        assert ModelSettings.of(matched).spectrogram == ModelSettings().spectrogram
        assert (matched.harmony, matched.look_ahead, matched.sum_head) == (None, None, False)
        assert matched.tempo_bins == (300 if name == "cnn2d-clip" else 0)


def test_recurrent_networks_have_the_front_end_of_the_tcn() -> None:
    for name in ("gru", "lstm", "bilstm"):
        assert NETWORKS[name].matched.front_end == NETWORKS["tcn"].matched.front_end


@pytest.mark.parametrize("name", ["tcn", "tcn-causal"])
def test_the_names_of_shipped_models_stand_for_their_networks(name: str) -> None:
    pytest.importorskip("onnxruntime")
    from beattrack.network.inference import load_network

    assert network_settings(name) == load_network(find(name).path).settings.network


def test_the_cnn_is_the_tcn_without_dilation() -> None:
    tcn, cnn = NETWORKS["tcn"].matched.tcn, NETWORKS["cnn1d"].matched.tcn
    assert tcn is not None
    assert cnn is not None
    assert (len(cnn.dilations), cnn.kernel) == (len(tcn.dilations), tcn.kernel)
    assert set(cnn.dilations) == {1}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_size_can_be_chosen(name: str) -> None:
    pytest.importorskip("torch")
    settings = network_settings(name, parameters=120_000)
    assert abs(count(settings) / 120_000 - 1) < 0.05
    assert settings.causal == NETWORKS[name].settings.causal


def test_the_size_of_a_default_is_found_again() -> None:
    size = count(NETWORKS["tcn"].matched)
    assert network_settings("tcn", parameters=size) == NETWORKS["tcn"].matched
    assert NETWORKS["tcn"].matched.front_end.channels == MATCHED_WIDTH
    assert network_settings("gru", parameters=size) == NETWORKS["gru"].settings


def test_unknown_names_and_impossible_sizes_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"no network is called 'rnn'; use one of tcn, .*bilstm"):
        network_settings("rnn")
    pytest.importorskip("torch")
    with pytest.raises(SettingsError, match="cannot have about 10 parameters"):
        network_settings("cnn2d", parameters=10)


def test_the_page_lists_every_network_as_it_is() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|[^|]*\| (\d+) \| ([\w ]+) \| (yes|no) \|$", PAGE.read_text(), re.M)
    assert [row[0] for row in rows] == list(NETWORKS)
    for name, parameters, frames, causal in rows:
        settings = NETWORKS[name].settings
        assert int(parameters) == count(settings), name
        assert frames == str(settings.receptive_field or "no limit"), name
        assert (causal == "yes") == settings.causal, name
    assert str(count(NETWORKS["tcn"].matched)) in PAGE.read_text()
