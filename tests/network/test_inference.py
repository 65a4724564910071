from __future__ import annotations

import copy
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.errors import MissingExtraError, ModelError, SettingsError
from beattrack.network import body, inference
from beattrack.network.inference import Network, gathered, load_network, padded_blocks
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import NetworkSettings, TCNSettings
from beattrack.registry import find
from beattrack.spectrogram import SpectrogramSettings


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network(find("tcn").path)


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    """A made-up spectrogram with a pulse of 120 BPM: (frames, bands)."""
    rng = np.random.default_rng(0)
    envelope = np.exp(-(np.arange(3000) % 50) / 8.0)[:, None]
    return (envelope * rng.exponential(size=(3000, 73)) + 0.01).astype(np.float32)


def assert_same(ours: object, theirs: object, tolerance: float) -> None:
    for name in ("beats", "downbeats", "tempo"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=tolerance, rtol=0)


def test_activations_are_probabilities_for_every_frame(network: Network, music: np.ndarray) -> None:
    activations = network.compute([music])
    assert activations.fps == 100
    for array in (activations.beats, activations.downbeats, activations.tempo):
        assert array is not None
        assert array.min() >= 0
        assert array.max() <= 1
    assert len(activations.beats) == len(music)
    assert activations.tempo is not None
    assert activations.tempo.sum() == pytest.approx(1, abs=1e-5)


def test_blocks_of_the_front_end_change_nothing(
    network: Network, music: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = network.compute([music])
    monkeypatch.setattr(inference, "FRONT_END_FRAMES", 100)
    assert_same(network.compute([music[:7], music[7:8], music[8:1999], music[1999:]]), whole, 1e-5)


@given(lengths=st.lists(st.integers(0, 30), max_size=9))
def test_gathered_blocks_hold_every_frame_once(lengths: list[int]) -> None:
    whole = np.arange(2 * sum(lengths), dtype=np.float64).reshape(-1, 2)
    blocks = np.split(whole, np.cumsum(lengths)[:-1]) if lengths else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "GATHERED_FRAMES", 16)
        arrays = gathered(blocks)
    assert all(array.dtype == np.float32 and 0 < len(array) <= 16 for array in arrays)
    assert all(len(array) == 16 for array in arrays[:-1])
    assert np.array_equal(np.concatenate([np.empty((0, 2)), *arrays]), whole)


def test_parts_of_the_tcn_change_no_frame(
    network: Network, music: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = np.tile(music, (8, 1))
    whole = network.compute([long])
    monkeypatch.setattr(body, "PART_FRAMES", 600)
    assert_same(network.compute([long]), whole, 1e-5)


@pytest.mark.parametrize(
    ("causal", "look_ahead", "before"), [(False, None, 2), (True, None, 4), (True, 1, 3), (True, 30, -26)]
)
@given(cuts=st.lists(st.integers(1, 299), max_size=6, unique=True), frames=st.integers(1, 400))
def test_padded_blocks_hold_every_frame_once(
    cuts: list[int], frames: int, causal: bool, look_ahead: int | None, before: int
) -> None:
    tcn = TCNSettings(causal=causal)
    model = ModelSettings(network=NetworkSettings(tcn=tcn, tempo_bins=0, look_ahead=look_ahead))
    whole = np.arange(300, dtype=np.float32)[:, None] + np.zeros((1, 73), np.float32)
    blocks = list(padded_blocks(np.split(whole, sorted(cuts)), model, frames=frames))
    ends = whole[[0] * max(before, 0)], whole[[-1] * (4 - before)]
    expected = np.concatenate([ends[0], whole, ends[1]])[max(-before, 0) :]
    assert all(4 < len(block) <= frames + 4 for block in blocks)
    np.testing.assert_array_equal(np.concatenate([blocks[0][:4], *(block[4:] for block in blocks)]), expected)


@settings(max_examples=10, deadline=None)
@given(gain_db=st.floats(-40, 40))
def test_gain_does_not_matter(gain_db: float) -> None:
    network = load_network(find("tcn").path, threads=1)
    spectrogram = np.random.default_rng(3).exponential(size=(300, 73)).astype(np.float32)
    louder = spectrogram * np.float32(10 ** (gain_db / 20))
    assert_same(network.compute([louder]), network.compute([spectrogram]), 1e-4)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames_pass(network: Network, frames: int) -> None:
    assert len(network.compute([np.ones((frames, 73), np.float32)]).beats) == frames


@pytest.mark.parametrize("blocks", [[], [np.zeros((0, 73), np.float32)], [np.zeros((50, 73), np.float32)]])
def test_silence_gives_zero(network: Network, blocks: list[np.ndarray]) -> None:
    activations = network.compute(blocks)
    assert activations.tempo is None
    assert not activations.beats.any()
    assert len(activations.beats) == sum(len(block) for block in blocks)


def test_long_silence_gives_zero_and_is_a_pause(network: Network, music: np.ndarray) -> None:
    silence = np.zeros((500, 73), np.float32)
    activations = network.compute([silence, music, silence, music, silence[:100]])
    end = 1000 + 2 * len(music)
    assert activations.pauses is not None
    assert activations.pauses.tolist() == [[0, 500], [500 + len(music), 1000 + len(music)]]
    for values in (activations.beats, activations.downbeats):
        assert values is not None
        for start, stop in (*activations.pauses, (end, end + 100)):
            assert not values[start:stop].any()
        assert values[500 : 500 + len(music)].any()
        assert values[1000 + len(music) : end].any()


def test_short_silence_between_sounds_is_part_of_the_music(network: Network, music: np.ndarray) -> None:
    activations = network.compute([music, np.zeros((150, 73), np.float32), music])
    assert activations.pauses is not None
    assert len(activations.pauses) == 0
    assert activations.beats[len(music) : len(music) + 150].any()


def test_runs_and_threads_agree(network: Network, music: np.ndarray) -> None:
    once = network.compute([music])
    again = network.compute([music])
    np.testing.assert_array_equal(once.beats, again.beats)
    assert_same(load_network(find("tcn").path, threads=1).compute([music]), once, 1e-5)


def test_files_that_are_no_models_are_model_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        load_network(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="no such model"):
        load_network(tmp_path)
    damaged = tmp_path / "damaged.onnx"
    for content in (b"", b"text", find("tcn").path.read_bytes()[:5000]):
        damaged.write_bytes(content)
        with pytest.raises(ModelError, match=r"damaged\.onnx"):
            load_network(damaged)


def test_cuda_without_torch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "beattrack.network.torch_engine", raising=False)
    with pytest.raises(MissingExtraError, match=r"beattrack\[train\]"):
        load_network(find("tcn").path, device="cuda")
    assert load_network(find("tcn").path, device="auto").settings.spectrogram == SpectrogramSettings()


def test_networks_are_copied_and_pickled(
    network: Network, music: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = network.compute([music])
    path = Path(shutil.copy(find("tcn").path, tmp_path / "mine.onnx"))
    monkeypatch.chdir(tmp_path)
    mine = load_network(path.name, threads=1)
    monkeypatch.chdir("/")  # another process has another folder
    for other in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
        assert other.settings == network.settings
        assert_same(other.compute([music]), expected, 1e-5)
    pickled = pickle.dumps(mine)
    path.unlink()
    with pytest.raises(ModelError, match=r"mine\.onnx: there is no such model file; a pickled network needs"):
        pickle.loads(pickled)


def test_networks_of_torch_are_copied_and_pickled(network: Network, music: np.ndarray) -> None:
    pytest.importorskip("torch")
    from beattrack.network.torch_engine import TorchEngine, load_torch

    expected = network.compute([music])
    mine = Network(TorchEngine(load_torch(find("tcn").path)[0], "cpu"), network.settings)
    for other in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
        assert_same(other.compute([music]), expected, 1e-4)


@pytest.mark.parametrize("device", ["mps", "tpu", "CPU", "cuda:0", "", None, 0])
def test_unknown_devices_are_refused(device: Any) -> None:
    with pytest.raises(SettingsError, match="device must be one of cpu, cuda, auto, not "):
        load_network(find("tcn").path, device=device)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True, float("nan")])
def test_threads_are_a_positive_whole_number(threads: Any) -> None:
    with pytest.raises(SettingsError, match=r"threads must be a (positive )?whole number, not "):
        load_network(find("tcn").path, threads=threads)
    assert load_network(find("tcn").path, threads=np.int64(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [None, 3, b"tcn.onnx", ["tcn.onnx"]])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(SettingsError, match="path must be the path of a model file, not "):
        load_network(path)
