from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.errors import ModelError
from beattrack.network.inference import load_network
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings
from beattrack.network.streaming import StreamingNetwork, load_streaming_network
from beattrack.registry import find

CAUSAL = NetworkSettings(
    front_end=FrontEndSettings(channels=8),
    tcn=TCNSettings(channels=12, dilations=(1, 2, 4, 8), causal=True),
    harmony=HarmonyPathSettings(channels=4, delay=16),
    tempo_bins=0,
    look_ahead=2,
)
BAI: dict[str, Any] = {
    "kernel": 2,
    "convolutions": 2,
    "norm": "weight",
    "activation": "relu",
    "parallel_pair": False,
    "residual_1x1": False,
    "mix_1x1": False,
    "activate_sum": True,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "two views": {},
    "no look-ahead": {
        "look_ahead": None,
        "harmony": replace(CAUSAL.harmony, delay=17),  # type: ignore[type-var]
    },
    "0.3 s ahead": {"look_ahead": 30},
    "one view": {"harmony": None, "tcn": replace(CAUSAL.tcn, channels=8)},
    "gated": {"tcn": replace(CAUSAL.tcn, gated=True, kernel=2)},
    "single, without 1x1": {"tcn": replace(CAUSAL.tcn, parallel_pair=False, residual_1x1=False)},
    "wide taps": {"tcn": replace(CAUSAL.tcn, dilations=(1, 300))},
    "as Bai et al.": {"tcn": replace(CAUSAL.tcn, **BAI)},
    "as keras-tcn": {"tcn": replace(CAUSAL.tcn, **{**BAI, "norm": "layer", "output": "skips", "stacks": 2})},
    "as WaveNet": {"tcn": replace(CAUSAL.tcn, gated=True, parallel_pair=False, output="wavenet", stacks=2)},
    "pairs of two, batch norm": {"tcn": replace(CAUSAL.tcn, convolutions=2, norm="batch")},
}


@pytest.fixture(scope="module", params=VARIANTS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a causal network with random weights."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from beattrack.network.export import export_onnx
    from beattrack.network.model import BeatNetwork

    chosen = replace(CAUSAL, **VARIANTS[request.param])
    torch.manual_seed(2)
    network = BeatNetwork(chosen)
    network.tcn(torch.randn(8, chosen.tcn.channels, 100) + 1)  # batch norm takes mean and variance from here
    path = tmp_path_factory.mktemp("model") / "causal.onnx"
    export_onnx(network, ModelSettings.of(chosen), path)
    return path


def views(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes whose level changes, and a harmony view that is partly silent."""
    rng = np.random.default_rng(frames)
    spectrogram = rng.exponential(size=(frames, 73)).astype(np.float32)
    spectrogram[frames // 3 : frames // 2] *= np.float32(0.01)
    harmony = rng.exponential(size=(-(-frames // 10), 73)).astype(np.float32)
    harmony[: len(harmony) // 4] = 0
    return spectrogram, harmony


def streamed(network: StreamingNetwork, frames: int, cuts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The outputs for views that come in groups, with each harmony frame as late as it may come."""
    spectrogram, harmony = views(frames)
    path = network.settings.network.harmony
    outputs, heard, slow = [], 0, 0
    for part in np.split(spectrogram, sorted(cuts)):
        heard += len(part)
        complete = 0 if path is None else max((heard - 1 - network.look_ahead - path.delay) // 10 + 1, 0)
        outputs.append(network.process(part, harmony[slow : max(complete, slow)] if path else None))
        slow = max(complete, slow)
    outputs.append(network.finish(harmony[slow:] if path else None))
    beats, downbeats = zip(*outputs, strict=True)
    return np.concatenate(beats), np.concatenate(downbeats)


def whole(path: Path, frames: int) -> Activations:
    network = load_network(path, threads=1)
    spectrogram, harmony = views(frames)
    return network.compute([spectrogram], [harmony] if network.settings.network.harmony else ())


@settings(max_examples=8, deadline=None)
@given(frames=st.integers(1, 700), cuts=st.lists(st.integers(0, 700), max_size=6))
def test_streaming_equals_the_whole_recording(model: Path, frames: int, cuts: list[int]) -> None:
    beats, downbeats = streamed(load_streaming_network(model), frames, [min(c, frames) for c in cuts])
    expected = whole(model, frames)
    np.testing.assert_allclose(beats, expected.beats, atol=1e-5)
    np.testing.assert_allclose(downbeats, expected.downbeats, atol=1e-5)


def test_single_frames_give_single_outputs(model: Path) -> None:
    network = load_streaming_network(model)
    spectrogram, _ = views(40)
    counts = [len(network.process(spectrogram[i : i + 1])[0]) for i in range(40)]
    assert counts == [0] * network.look_ahead + [1] * (40 - network.look_ahead)
    assert len(network.finish()[0]) == network.look_ahead


def test_a_reset_network_begins_anew(model: Path) -> None:
    network = load_streaming_network(model)
    first = streamed(network, 200, [50, 120])
    network.reset()
    again = streamed(network, 200, [50, 120])
    assert np.array_equal(first, again)


@pytest.mark.parametrize("changed", [60, 61, 99])
def test_later_input_changes_no_earlier_output(model: Path, changed: int) -> None:
    network = load_network(model, threads=1)
    spectrogram, harmony = views(100)
    louder, other = spectrogram.copy(), harmony.copy()
    louder[changed:] *= 3
    other[changed // 10 + 1 :] = 0
    path = network.settings.network
    before = network.compute([spectrogram], [harmony] if path.harmony else ())
    after = network.compute([louder], [other] if path.harmony else ())
    reach = changed - path.frames_after
    assert np.array_equal(before.beats[:reach], after.beats[:reach])
    assert not np.allclose(before.beats[reach:], after.beats[reach:])


def test_a_stream_that_ends_at_once_is_empty(model: Path) -> None:
    network = load_streaming_network(model)
    assert len(network.finish()[0]) == 0
    assert len(network.process(np.empty((0, 73), np.float32))[0]) == 0


def test_a_network_that_looks_ahead_is_refused() -> None:
    with pytest.raises(ModelError, match=r"looks ahead; live music needs a causal model"):
        load_streaming_network(find("tcn").path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such model file"):
        load_streaming_network(tmp_path / "missing.onnx")
