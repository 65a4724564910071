"""Recurrent networks: what they see, and the same output in torch, in model files and frame by frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from beattrack.errors import SettingsError  # noqa: E402
from beattrack.network.export import export_onnx, parity  # noqa: E402
from beattrack.network.inference import load_network  # noqa: E402
from beattrack.network.model import BeatNetwork  # noqa: E402
from beattrack.network.model_settings import ModelSettings  # noqa: E402
from beattrack.network.recurrent import Recurrent  # noqa: E402
from beattrack.network.recurrent_settings import RecurrentSettings  # noqa: E402
from beattrack.network.settings import (  # noqa: E402
    FrontEndSettings,
    HarmonyPathSettings,
    NetworkSettings,
    TCNSettings,
)
from beattrack.network.streaming import load_streaming_network  # noqa: E402
from beattrack.network.torch_engine import load_torch  # noqa: E402

KINDS = ("gru", "lstm")
WAYS = pytest.mark.parametrize(
    ("kind", "bidirectional"), [(kind, both) for kind in KINDS for both in (False, True)]
)


def network(kind: str, bidirectional: bool, **changes: object) -> BeatNetwork:
    torch.manual_seed(0)
    recurrent = RecurrentSettings(kind=kind, hidden=10, bidirectional=bidirectional)  # type: ignore[arg-type]
    settings = NetworkSettings(
        front_end=FrontEndSettings(channels=6), tcn=None, recurrent=recurrent, tempo_bins=30 * bidirectional
    )
    built = BeatNetwork(replace(settings, **changes)).eval()  # type: ignore[arg-type]
    with (
        torch.no_grad()
    ):  # larger weights than those of new networks, whose output hardly depends on the input
        for parameter in built.recurrent.parameters():
            parameter.mul_(3.0)
    return built


@WAYS
def test_what_they_see(kind: str, bidirectional: bool) -> None:
    layers = network(kind, bidirectional).recurrent
    features = torch.randn(1, 6, 40, requires_grad=True)
    layers(features)[0, :, 20].sum().backward()
    seen = features.grad.abs().sum(dim=1)[0] > 0
    assert seen[:21].all()
    assert seen[21:].all() == seen[21:].any() == bidirectional


@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_after_another_is_the_whole(kind: str) -> None:
    layers = Recurrent(RecurrentSettings(kind=kind, hidden=5, layers=3), 4).eval()  # type: ignore[arg-type]
    features = torch.randn(1, 4, 12)
    states = [torch.zeros(3, 1, 5)] * layers.settings.states
    outputs = []
    for frame in features.unbind(dim=2):
        output, states = layers.step(frame, states)
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, dim=2), layers(features))


@WAYS
def test_model_files_hold_the_same_network(kind: str, bidirectional: bool, tmp_path: Path) -> None:
    ours, path = network(kind, bidirectional), tmp_path / "a.onnx"
    export_onnx(ours, ModelSettings.of(ours.settings), path)
    assert parity(ours, path, frames=700, seed=2) < 1e-5
    restored, settings = load_torch(path)
    assert settings.network == ours.settings
    theirs = restored.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.state_dict().items())


def test_the_harmony_path_joins_them(tmp_path: Path) -> None:
    ours = network("lstm", True, harmony=HarmonyPathSettings(channels=4))
    export_onnx(ours, ModelSettings.of(ours.settings), tmp_path / "a.onnx")
    assert ours.settings.feature_channels == 10
    assert parity(ours, tmp_path / "a.onnx", frames=700) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_streams_equal_recordings(kind: str, tmp_path: Path) -> None:
    ours, path = network(kind, False, look_ahead=2), tmp_path / "a.onnx"
    export_onnx(ours, ModelSettings.of(ours.settings), path)
    spectrogram = np.random.default_rng(0).exponential(size=(150, 73)).astype(np.float32)
    whole = load_network(path).compute([spectrogram])
    stream = load_streaming_network(path)
    parts = [*(stream.process(part) for part in np.split(spectrogram, [1, 2, 70])), stream.finish()]
    beats = np.concatenate([beats for beats, _ in parts])
    np.testing.assert_allclose(beats, whole.beats, atol=1e-5)
    assert np.ptp(whole.beats) > 0.01


def test_impossible_networks_are_refused() -> None:
    recurrent = RecurrentSettings()
    with pytest.raises(SettingsError, match="either a TCN or a recurrent part"):
        NetworkSettings(tcn=TCNSettings(), recurrent=recurrent)
    with pytest.raises(SettingsError, match="cannot have a tempo head"):
        NetworkSettings(tcn=None, recurrent=recurrent)
    both = replace(recurrent, bidirectional=True)
    with pytest.raises(SettingsError, match="look_ahead"):
        NetworkSettings(tcn=None, recurrent=both, look_ahead=1)
