from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.network import body
from beattrack.network.body import LEAST_PART, PART_FRAMES, parts, phase_parts, run_body
from beattrack.network.inference import load_network
from beattrack.network.settings import FrontEndSettings, NetworkSettings, TCNSettings
from beattrack.network.tcn_settings import PHASES
from beattrack.registry import find

FRAMES = st.integers(0, 50_000)
THREADS = st.integers(1, 9)
DEEP = TCNSettings(channels=8, dilations=(1, 4, 32, 96))


@given(FRAMES, THREADS)
def test_parts_hold_every_frame_once(frames: int, threads: int) -> None:
    found = parts(frames, threads)
    assert [frame for start, stop in found for frame in range(start, stop)] == list(range(frames))
    assert all(start % PHASES == 0 for start, _ in found)
    assert all(stop - start <= PART_FRAMES + PHASES for start, stop in found)
    assert threads == 1 or len(found) % threads == 0 or frames < threads * 2 * LEAST_PART + PHASES


@given(FRAMES, THREADS)
def test_parts_of_phases_hold_every_frame_once(frames: int, threads: int) -> None:
    seen = np.zeros((-(-frames // PHASES), PHASES), int)
    for first, last, length in phase_parts(frames, threads):
        assert (last - first) * length <= max(PART_FRAMES + length, 2 * length)
        seen[:length, first:last] += 1
    assert (seen.ravel()[:frames] == 1).all()
    assert not seen.ravel()[frames:].any()


@pytest.mark.parametrize(
    ("settings", "shallow"),
    [
        (TCNSettings(), 5),
        (TCNSettings(causal=True), 5),
        (DEEP, 2),
        (TCNSettings(dilations=(1, 32, 33)), None),  # the last one is not a multiple
        (TCNSettings(dilations=(32, 64)), None),
        (TCNSettings(dilations=(1, 2, 4)), None),
        (TCNSettings(dilations=(1, 100, 32)), None),  # the blocks before read too many frames
        (TCNSettings(stacks=2), None),
    ],
)
def test_shallow_blocks_come_before_those_of_large_dilations(settings: TCNSettings, shallow: int) -> None:
    assert settings.shallow_blocks == shallow


def test_the_reach_is_that_of_the_shallow_blocks() -> None:
    assert NetworkSettings().shallow_reach == (124, 124)
    assert NetworkSettings(tcn=TCNSettings(causal=True), tempo_bins=0).shallow_reach == (248, 0)
    assert NetworkSettings(tcn=TCNSettings(output="skips")).shallow_reach is None
    assert NetworkSettings(tcn=None).shallow_reach is None


@pytest.mark.parametrize("frames", [1, 31, 32, 33, 4097, 9000])
def test_all_numbers_of_threads_give_the_same(frames: int) -> None:
    network = load_network(find("tcn").path)
    channels = network.settings.network.feature_channels
    features = np.random.default_rng(frames).standard_normal((1, channels, frames)).astype(np.float32)
    one, *others = (run_body(network._engine, features, None, threads) for threads in (1, 2, 5))
    assert one[0].shape == one[1].shape == (frames,)
    for other in others:
        assert all(np.array_equal(x, y) for x, y in zip(one[:2], other[:2], strict=True))
        np.testing.assert_allclose(other[2], one[2], rtol=1e-6)  # a sum over other parts


class TestWithTorch:
    @pytest.mark.parametrize(
        "tcn",
        [
            DEEP,
            replace(DEEP, parallel_pair=False, activation="relu"),
            replace(DEEP, causal=True, skip_sum=False, convolutions=2),
            replace(DEEP, activate_sum=True, norm="weight"),
        ],
    )
    @pytest.mark.parametrize("frames", [5, 64, 1000])
    def test_phases_give_what_the_whole_recording_gives(
        self, tcn: TCNSettings, frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch, exported = exported_by_torch(tcn, tmp_path)
        monkeypatch.setattr(body, "PART_FRAMES", 256)
        monkeypatch.setattr(body, "LEAST_PART", 64)
        network, engine = exported
        assert engine.phased is not None
        features = torch.randn(1, 8, frames)
        with torch.no_grad():
            expected = [output[0].numpy() for output in network.probabilities(features)]
        for threads in (1, 3):
            found = run_body(engine, features.numpy(), None, threads)
            for ours, theirs in zip(found, expected, strict=False):
                np.testing.assert_allclose(ours, theirs, atol=1e-5)
            assert (found[2] is None) == (len(expected) == 2)

    def test_a_file_without_phases_runs_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("torch")
        pytest.importorskip("onnx")
        from beattrack.network import export

        monkeypatch.setattr(export, "body_inputs", lambda network: {})  # as in earlier versions
        torch, (network, engine) = exported_by_torch(DEEP, tmp_path)
        assert engine.phased is None
        features = torch.randn(1, 8, 300)
        with torch.no_grad():
            expected = [output[0].numpy() for output in network.probabilities(features)]
        for ours, theirs in zip(run_body(engine, features.numpy(), (400, 400), 2), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def exported_by_torch(tcn: TCNSettings, folder: Path) -> Any:
    """Return torch, and a random network with the engine of its model file."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from beattrack.network.export import export_onnx
    from beattrack.network.model import BeatNetwork
    from beattrack.network.model_settings import ModelSettings
    from beattrack.network.onnx_engine import open_onnx

    torch.manual_seed(0)
    settings = NetworkSettings(
        front_end=FrontEndSettings(channels=8), tcn=tcn, tempo_bins=300 if tcn.skip_sum else 0
    )
    network = BeatNetwork(settings).eval()
    path = folder / "small.onnx"
    export_onnx(network, ModelSettings.of(settings), path)
    return torch, (network, open_onnx(str(path))[0])
