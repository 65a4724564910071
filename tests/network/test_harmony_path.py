from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from beattrack.harmony import HarmonySettings  # noqa: E402
from beattrack.network import body, inference  # noqa: E402
from beattrack.network.export import export_onnx, parity  # noqa: E402
from beattrack.network.harmony_path import HarmonyPath, hold, spread  # noqa: E402
from beattrack.network.inference import Network, load_network  # noqa: E402
from beattrack.network.model import BeatNetwork  # noqa: E402
from beattrack.network.model_settings import ModelSettings  # noqa: E402
from beattrack.network.settings import (  # noqa: E402
    FrontEndSettings,
    HarmonyPathSettings,
    NetworkSettings,
    TCNSettings,
)
from beattrack.network.torch_engine import TorchEngine, load_torch  # noqa: E402

PATH = HarmonyPathSettings(channels=4, convolutions=(6, 5), hidden=7)
SETTINGS = NetworkSettings(
    front_end=FrontEndSettings(channels=6), tcn=TCNSettings(channels=10, dilations=(1, 2, 4)), harmony=PATH
)


@pytest.fixture
def network() -> BeatNetwork:
    torch.manual_seed(3)
    return BeatNetwork(SETTINGS).eval()


def slow_view(frames: int, seed: int = 0) -> np.ndarray:
    """A harmony view, (frames, 73), whose chord changes at the middle."""
    rng = np.random.default_rng(seed)
    view = rng.exponential(0.05, (frames, 73)).astype(np.float32)
    view[: frames // 2, [10, 34, 38, 41]] += 2.0
    view[frames // 2 :, [15, 39, 43, 46]] += 2.0
    return view


def test_novelty_is_highest_where_the_chord_changes() -> None:
    path = HarmonyPath(PATH)
    compressed = path.compress(torch.from_numpy(slow_view(60))[None]).transpose(1, 2)
    novelty = path.novelty(compressed)[0]  # (2 x lags, frames)
    assert novelty.shape == (8, 60)
    assert (novelty.argmax(dim=1) == 30).all()
    assert (novelty[:, 30] > 0.5).all()
    assert (novelty[:4, :10].abs() < 0.2).all()


def test_novelty_does_not_know_the_level() -> None:
    path = HarmonyPath(replace(PATH, log_scale=0.05))  # hardly compressed
    view = torch.from_numpy(slow_view(60))[None]
    quiet, loud = (path.novelty(path.compress(gain * view).transpose(1, 2)) for gain in (1.0, 4.0))
    assert torch.allclose(quiet, loud, atol=3e-2)


def test_silence_is_no_novelty() -> None:
    distances = HarmonyPath(PATH).novelty(torch.zeros(1, 73, 20))
    assert torch.isfinite(distances).all()


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 57, 80])
def test_spreading_is_linear_and_equal_in_both_engines(frames: int) -> None:
    slow = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)
    expected = np.stack([np.interp(np.arange(frames) / 10, np.arange(6), row) for row in slow])
    ours = inference.spread(slow, 10, frames)
    theirs = spread(torch.from_numpy(slow)[None], 10, frames)[0].numpy()
    assert np.allclose(ours, expected, atol=1e-6)
    assert np.allclose(theirs, expected, atol=1e-6)


def test_a_causal_path_does_not_look_ahead() -> None:
    torch.manual_seed(0)
    path = HarmonyPath(replace(PATH, delay=16)).eval()
    view = torch.from_numpy(slow_view(80))[None]
    changed = view.clone()
    changed[:, 50:] = 0.0
    before, after = path(view), path(changed)
    assert torch.equal(before[:, :, :50], after[:, :, :50])
    assert not torch.allclose(before[:, :, 50:], after[:, :, 50:])


def test_a_causal_path_sees_as_far_as_its_settings_say() -> None:
    torch.manual_seed(0)
    path = HarmonyPath(replace(PATH, delay=16)).eval()
    view = (1 + torch.rand(1, 80, 73)).requires_grad_()
    path(view)[0, :, 70].sum().backward()
    assert view.grad is not None
    reached = torch.nonzero(view.grad.abs().sum(dim=2)[0])[:, 0]
    assert int(reached.max()) == 70
    assert int(reached.max() - reached.min()) + 1 == path.settings.receptive_field


def test_causal_novelty_is_highest_when_the_new_chord_has_lasted() -> None:
    path = HarmonyPath(replace(PATH, delay=16))
    compressed = path.compress(torch.from_numpy(slow_view(60))[None]).transpose(1, 2)
    assert path.novelty(compressed)[0].argmax(dim=1).tolist() == [30 + lag - 1 for lag in PATH.lags] * 2


@pytest.mark.parametrize("frames", [1, 16, 17, 57, 100])
def test_a_slow_frame_is_held_after_its_delay_in_both_engines(frames: int) -> None:
    slow = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)
    number = (np.arange(frames) - 16) // 10
    expected = np.where(number < 0, 0, slow[:, number.clip(0, 5)])
    assert np.array_equal(inference.hold(slow, 10, frames, delay=16), expected)
    assert np.array_equal(hold(torch.from_numpy(slow)[None], 10, frames, delay=16)[0].numpy(), expected)


def test_a_missing_slow_view_counts_as_zeros(network: BeatNetwork) -> None:
    spectrogram = torch.rand(2, 100, 73)
    views = torch.stack([torch.from_numpy(slow_view(10)), torch.zeros(10, 73)])
    without, zeros = network(spectrogram), network(spectrogram, torch.zeros(2, 10, 73))
    mixed = network(spectrogram, views)
    assert torch.equal(without.beats, zeros.beats)
    assert torch.allclose(mixed.beats[1], without.beats[1], atol=1e-6)
    assert not torch.allclose(mixed.beats[0], without.beats[0], atol=1e-3)


@pytest.mark.parametrize("parts", [{"learned": False}, {"novelty": False}, {"lags": (3,)}])
def test_parts_can_be_left_out(parts: dict[str, object], tmp_path: Path) -> None:
    settings = replace(SETTINGS, harmony=replace(PATH, **parts))  # type: ignore[arg-type]
    network = BeatNetwork(settings).eval()
    network.harmony.standardise(torch.ones(73), torch.full((73,), 2.0))  # type: ignore[union-attr]
    logits = network(torch.rand(1, 95, 73), torch.rand(1, 10, 73))
    assert logits.beats.shape == (1, 95)
    path = tmp_path / "parts.onnx"
    export_onnx(network, ModelSettings.of(settings), path)
    restored, _ = load_torch(path)
    assert restored.state_dict().keys() == network.state_dict().keys()


def test_rounding_noise_is_no_harmony(network: BeatNetwork) -> None:
    tracker = Network(TorchEngine(network, "cpu"), ModelSettings.of(SETTINGS))
    spectrogram = np.random.default_rng(0).exponential(size=(300, 73)).astype(np.float32)
    without = tracker.compute([spectrogram])
    noise = tracker.compute([spectrogram], [1e-6 * slow_view(30)])
    assert np.array_equal(without.beats, noise.beats)
    heard = tracker.compute([spectrogram], [slow_view(30)])
    assert not np.allclose(without.beats, heard.beats, atol=1e-3)


@pytest.mark.parametrize("frames", [40, 1500, 3333])
def test_onnx_gives_what_torch_gives(network: BeatNetwork, tmp_path: Path, frames: int) -> None:
    path = tmp_path / "two.onnx"
    export_onnx(network, ModelSettings.of(SETTINGS), path)
    assert parity(network, path, frames=frames, seed=4) < 1e-4
    restored, settings = load_torch(path)
    assert settings == ModelSettings.of(SETTINGS)
    assert settings.harmony == HarmonySettings()
    names = network.state_dict().keys()
    assert all(torch.equal(network.state_dict()[name], restored.state_dict()[name]) for name in names)


def test_long_music_passes_in_overlapping_blocks(
    network: BeatNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Network(TorchEngine(network, "cpu"), ModelSettings.of(SETTINGS))
    rng = np.random.default_rng(2)
    spectrogram = rng.exponential(size=(1234, 73)).astype(np.float32)
    view = slow_view(124)
    whole = tracker.compute([spectrogram], [view])
    monkeypatch.setattr(body, "BLOCK_FRAMES", 300)
    parts = tracker.compute([spectrogram[:100], spectrogram[100:]], [view[:50], view[50:]])
    assert np.allclose(whole.beats, parts.beats, atol=1e-5)
    assert np.allclose(whole.downbeats, parts.downbeats, atol=1e-5)


def test_the_slow_view_is_read_after_the_spectrogram(network: BeatNetwork, tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    export_onnx(network, ModelSettings.of(SETTINGS), path)
    order: list[str] = []

    def told(name: str, block: np.ndarray):  # type: ignore[no-untyped-def]
        order.append(name)
        yield block

    spectrogram = np.random.default_rng(0).exponential(size=(200, 73)).astype(np.float32)
    load_network(path).compute(told("spectrogram", spectrogram), told("harmony", slow_view(20)))
    assert order == ["spectrogram", "harmony"]
