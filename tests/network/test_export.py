from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from beattrack.errors import ModelError  # noqa: E402
from beattrack.network import export  # noqa: E402
from beattrack.network import torch_engine as restore  # noqa: E402
from beattrack.network.inference import Network, load_network  # noqa: E402
from beattrack.network.model import BeatNetwork  # noqa: E402
from beattrack.network.model_settings import METADATA_KEY, ModelSettings  # noqa: E402
from beattrack.network.settings import FrontEndSettings, NetworkSettings, TCNSettings  # noqa: E402
from beattrack.network.tcn_settings import Norm  # noqa: E402
from beattrack.registry import find  # noqa: E402

SMALL_TCN = TCNSettings(channels=8, dilations=(1, 2, 4, 8))
SMALL = NetworkSettings(front_end=FrontEndSettings(channels=8), tcn=SMALL_TCN)


def random_network(settings: NetworkSettings) -> BeatNetwork:
    torch.manual_seed(1)
    network = BeatNetwork(settings)
    network.front_end.standardise(torch.rand(73) + 2, torch.rand(73) + 0.5)
    return network


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        NetworkSettings(front_end=SMALL.front_end, tcn=SMALL.tcn, tempo_bins=0, sum_head=True),
        NetworkSettings(
            front_end=SMALL.front_end,
            tcn=TCNSettings(channels=8, dilations=(1, 2, 4), causal=True, gated=True, activation="gelu"),
            tempo_bins=0,
        ),
    ],
)
def test_onnx_equals_torch(settings: NetworkSettings, tmp_path: Path) -> None:
    network = random_network(settings)
    path = tmp_path / "small.onnx"
    export.export_onnx(network, ModelSettings(network=settings), path)
    for frames in (12, 100, 1030):
        assert export.parity(network, path, frames=frames, seed=frames) < 1e-4


def trained_network(settings: NetworkSettings) -> BeatNetwork:
    """A network after a few steps, during which its loss must fall."""
    network = random_network(settings).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    spectrogram = torch.rand(4, 80, 73)
    target = (torch.rand(4, 80) < 0.2).float()
    losses = []
    for _ in range(25):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(spectrogram).beats, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    return network


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "weight"])
@pytest.mark.parametrize("causal", [False, True])
def test_each_norm_trains_is_exported_and_loads_back(norm: Norm, causal: bool, tmp_path: Path) -> None:
    tcn = replace(SMALL_TCN, causal=causal, parallel_pair=False, convolutions=2, norm=norm)
    settings = replace(SMALL, tcn=tcn, tempo_bins=0 if causal else 300)
    network = trained_network(settings)
    path = tmp_path / "small.onnx"
    export.export_onnx(network, ModelSettings.of(settings), path)
    assert export.parity(network, path, frames=700, seed=3) < 1e-4
    restored, _ = restore.load_torch(path)
    assert restored.state_dict().keys() == network.state_dict().keys()
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, restored.state_dict()[name]), name
    spectrogram = torch.rand(1, 50, 73)
    assert torch.equal(restored(spectrogram).beats, network.eval()(spectrogram).beats)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norms_with_equal_weights_load_back(norm: Norm, tmp_path: Path) -> None:
    """The norms of new networks are all alike, and the exporter stores equal tensors once."""
    settings = replace(SMALL, tcn=replace(SMALL_TCN, causal=True, norm=norm), tempo_bins=0)
    network = random_network(settings)
    export.export_onnx(network, ModelSettings.of(settings), tmp_path / "small.onnx")
    restored, _ = restore.load_torch(tmp_path / "small.onnx")
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, restored.state_dict()[name]), name


def test_weight_norm_is_merged_into_the_weights_of_the_graph(tmp_path: Path) -> None:
    import onnx

    settings = replace(SMALL, tcn=replace(SMALL_TCN, norm="weight"))
    network = random_network(settings)
    export.export_onnx(network, ModelSettings(network=settings), tmp_path / "small.onnx")
    graph = onnx.load(tmp_path / "small.onnx").graph
    used = {name for node in graph.node for name in node.input}
    assert "network.tcn.blocks.0.branches.0.convolution.weight" in used
    assert not [name for name in used if "parametrizations" in name]


def test_shipped_model_equals_its_torch_network() -> None:
    path = find("tcn").path
    network, _ = restore.load_torch(path)
    assert export.parity(network, path, frames=3000) < 1e-4


def test_restored_network_has_the_same_weights(tmp_path: Path) -> None:
    network = random_network(SMALL)
    export.export_onnx(network, ModelSettings(network=SMALL), tmp_path / "small.onnx")
    restored, settings = restore.load_torch(tmp_path / "small.onnx")
    assert settings.network == SMALL
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, restored.state_dict()[name]), name


def test_torch_engine_gives_the_same_activations(tmp_path: Path) -> None:
    export.export_onnx(random_network(SMALL), ModelSettings(network=SMALL), tmp_path / "small.onnx")
    spectrogram = np.random.default_rng(2).exponential(size=(700, 73)).astype(np.float32)
    onnx = load_network(tmp_path / "small.onnx").compute([spectrogram])
    by_torch = Network(*restore.open_torch(tmp_path / "small.onnx", device="cpu")).compute([spectrogram])
    np.testing.assert_allclose(onnx.beats, by_torch.beats, atol=1e-5)
    np.testing.assert_allclose(onnx.downbeats, by_torch.downbeats, atol=1e-5)
    np.testing.assert_allclose(onnx.tempo, by_torch.tempo, atol=1e-5)


def test_export_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network = random_network(SMALL).train()
    export.export_onnx(network, ModelSettings(network=SMALL), tmp_path / "small.onnx")
    assert network.training


def test_a_wrong_export_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "parity", lambda *args, **kwargs: float("nan"))
    with pytest.raises(ModelError, match="differs from torch"):
        export.export_onnx(random_network(SMALL), ModelSettings(network=SMALL), tmp_path / "small.onnx")
    assert not list(tmp_path.iterdir())


def test_foreign_and_mismatched_files_are_model_errors(tmp_path: Path) -> None:
    import onnx

    path = tmp_path / "small.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="cannot be read"):
        restore.load_torch(path)
    export.export_onnx(random_network(SMALL), ModelSettings(network=SMALL), path)
    model = onnx.load(path)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            entry.value = ModelSettings().to_json()
    onnx.save(model, path)
    with pytest.raises(ModelError, match="do not fit"):
        restore.load_torch(path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_one_sentence() -> None:
    with pytest.raises(ModelError, match="no CUDA device"):
        load_network(find("tcn").path, device="cuda")
