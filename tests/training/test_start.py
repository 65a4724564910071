from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from beattrack.errors import SettingsError
from beattrack.network.export import export_onnx
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings
from beattrack.training.settings import read_settings
from beattrack.training.start import load_start, widen


def network(channels: int, **changes: object) -> BeatNetwork:
    widths = {
        "harmony": False,
        "front_end.channels": channels,
        "tcn.channels": channels,
        "tcn.dilations": [1, 2, 4],
    }
    settings = {f"network.{name}": value for name, value in {**widths, **changes}.items()}
    torch.manual_seed(channels)
    return BeatNetwork(read_settings(None, list(settings.items())).network).eval()


@pytest.mark.parametrize("pair", [True, False])
def test_a_widened_network_does_what_the_narrow_one_did(pair: bool) -> None:
    narrow, wide = network(6, **{"tcn.parallel_pair": pair}), network(10, **{"tcn.parallel_pair": pair})
    wide.load_state_dict(widen(narrow.state_dict(), wide))
    spectrogram = torch.rand(2, 60, 73)
    with torch.no_grad():
        for ours, theirs in zip(wide(spectrogram), narrow(spectrogram), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"convolutions": 2, "norm": "weight"},
        {"norm": "batch", "output": "wavenet"},
        {"stacks": 2, "activate_sum": True, "parallel_pair": False, "mix_1x1": False, "output": "skips"},
    ],
)
def test_networks_with_other_options_are_widened(options: dict[str, object]) -> None:
    narrow, wide = (network(width, **{f"tcn.{k}": v for k, v in options.items()}) for width in (6, 10))
    narrow.tcn.train()(torch.randn(8, 6, 50) + 1)  # batch norm takes mean and variance from here
    wide.load_state_dict(widen(narrow.eval().state_dict(), wide))
    spectrogram = torch.rand(2, 60, 73)
    with torch.no_grad():
        for ours, theirs in zip(wide(spectrogram), narrow(spectrogram), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_layer_norm_cannot_be_widened_but_continued(tmp_path: Path) -> None:
    options, path = {"tcn.norm": "layer"}, tmp_path / "narrow.onnx"
    narrow = network(6, **options)
    export_onnx(narrow, ModelSettings(network=narrow.settings), path)
    with pytest.raises(SettingsError, match="has other settings"):
        load_start(str(path), network(10, **options))
    same = load_start(str(path), network(6, **options))
    for name, weight in narrow.state_dict().items():
        assert torch.equal(same[name], weight)


def test_new_channels_can_learn() -> None:
    narrow, wide = network(6), network(10)
    wide.load_state_dict(widen(narrow.state_dict(), wide))
    optimiser = torch.optim.SGD(wide.parameters(), lr=0.1)
    for _ in range(2):  # with the first step the new channels begin to be read, with the second to learn
        before = [block.mix.weight.detach().clone() for block in wide.tcn.blocks]
        optimiser.zero_grad()
        wide(torch.rand(1, 60, 73)).beats.square().sum().backward()
        optimiser.step()
    for block, weight in zip(wide.tcn.blocks, before, strict=True):
        assert (block.mix.weight[6:] != weight[6:]).any()


def test_the_shipped_model_fits_the_default_network() -> None:
    ours = BeatNetwork(read_settings(None).network)
    ours.load_state_dict(load_start("tcn", ours))


def test_a_model_file_is_widened_or_refused(tmp_path: Path) -> None:
    narrow, path = network(6), tmp_path / "narrow.onnx"
    export_onnx(narrow, ModelSettings(network=narrow.settings), path)
    assert load_start(str(path), network(10))["heads.frames.weight"].shape == (2, 10, 1)
    same = load_start(str(path), network(6))
    assert torch.equal(same["heads.frames.weight"], narrow.state_dict()["heads.frames.weight"])
    views = {"network.harmony.channels": 4, "network.front_end.channels": 6, "network.tcn.channels": 10}
    two_views = BeatNetwork(read_settings(None, list(views.items())).network)
    for other in (
        two_views,
        network(4),
        network(10, **{"tcn.dilations": [1, 2]}),
        network(10, **{"tcn.gated": True}),
    ):
        with pytest.raises(SettingsError, match="has other settings"):
            load_start(str(path), other)


def test_a_causal_network_starts_from_one_that_looks_ahead() -> None:
    changes = {"network.tcn.causal": True, "network.tempo_bins": 0, "network.harmony.delay": 16}
    causal = BeatNetwork(read_settings(None, [*changes.items(), ("network.look_ahead", 2)]).network)
    causal.load_state_dict(load_start("tcn", causal))
    offline = BeatNetwork(read_settings(None).network)
    offline.load_state_dict(load_start("tcn", offline))
    padded = torch.rand(1, 50, 73)
    torch.testing.assert_close(causal.front_end.eval()(padded), offline.front_end.eval()(padded))


def test_a_tempo_head_cannot_be_made_up() -> None:
    with pytest.raises(SettingsError, match="has other settings"):
        load_start("tcn", BeatNetwork(read_settings(None, [("network.tempo_bins", 200)]).network))
