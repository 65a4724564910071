"""Networks without a TCN: 2-D convolutions alone, and decisions about whole clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from beattrack.errors import SettingsError  # noqa: E402
from beattrack.network import inference  # noqa: E402
from beattrack.network.export import export_onnx, parity  # noqa: E402
from beattrack.network.inference import load_network  # noqa: E402
from beattrack.network.model import BeatNetwork  # noqa: E402
from beattrack.network.model_settings import ModelSettings  # noqa: E402
from beattrack.network.networks import NETWORKS  # noqa: E402
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings  # noqa: E402
from beattrack.network.torch_engine import load_torch  # noqa: E402

CLIP = NETWORKS["cnn2d-clip"].build(6, 6)


def exported(settings: NetworkSettings, path: Path) -> BeatNetwork:
    torch.manual_seed(0)
    network = BeatNetwork(settings).eval()
    export_onnx(network, ModelSettings.of(settings), path)
    return network


def test_the_front_end_sees_as_many_frames_as_its_settings_say() -> None:
    front_end = BeatNetwork(CLIP).front_end.eval()
    settings = CLIP.front_end
    assert (settings.stride, settings.receptive_field) == (32, 156)
    for frames in (1, 31, 32, 33, 64):
        padded = torch.rand(1, frames + settings.receptive_field - 1, 73)
        assert front_end(padded).shape == (1, 6, -(-frames // 32))
    padded = torch.rand(1, 40 + 156, 73, requires_grad=True)
    front_end(padded)[0, :, 0].sum().backward()
    assert not padded.grad[0, 156:].any()
    assert padded.grad[0, :156].any()


def test_a_clip_has_a_tempo_and_no_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = exported(CLIP, tmp_path / "a.onnx")
    assert parity(network, tmp_path / "a.onnx", frames=1234) < 1e-5
    restored, _ = load_torch(tmp_path / "a.onnx")
    assert restored.state_dict().keys() == network.state_dict().keys()

    spectrogram = np.random.default_rng(1).exponential(size=(500, 73)).astype(np.float32)
    activations = load_network(tmp_path / "a.onnx").compute([spectrogram])
    assert activations.tempo_only
    assert len(activations.beats) == 500
    assert activations.tempo is not None
    assert activations.tempo.sum() == pytest.approx(1, abs=1e-5)
    monkeypatch.setattr(inference, "FRONT_END_FRAMES", 100)  # not a multiple of 32
    again = load_network(tmp_path / "a.onnx").compute([spectrogram[:7], spectrogram[7:]])
    np.testing.assert_allclose(again.tempo, activations.tempo, atol=1e-6)


def test_two_dimensional_convolutions_alone_find_beats(tmp_path: Path) -> None:
    settings = NETWORKS["cnn2d"].build(6, 6)
    network = exported(settings, tmp_path / "a.onnx")
    assert parity(network, tmp_path / "a.onnx", frames=1300) < 1e-5
    features = torch.rand(1, 6, 50)
    stream, pooled = network.body(features)
    assert torch.equal(stream, features)
    assert torch.equal(pooled, features)


def test_impossible_networks_are_refused() -> None:
    with pytest.raises(SettingsError, match="whole clips, without TCN"):
        replace(CLIP, harmony=HarmonyPathSettings())
    with pytest.raises(SettingsError, match="needs the tempo head"):
        replace(CLIP, tempo_bins=0)
    with pytest.raises(SettingsError, match="as many as pools"):
        FrontEndSettings(time_pools=(2, 2))
    with pytest.raises(SettingsError, match="at most 256 frames"):
        FrontEndSettings(time_pools=(2, 2, 100))
