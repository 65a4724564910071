"""The activations of a stream are those of the same network on the whole recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from beattrack.activations import Activations
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings
from beattrack.streaming import StreamTracker
from beattrack.tracker import BeatTracker
from tests.streaming_cases import CHUNK_SIZES, FakeDecoder, chunk_sizes, cut, noise
from tests.synth import drum_clip

CAUSAL = NetworkSettings(
    front_end=FrontEndSettings(channels=8),
    tcn=TCNSettings(channels=12, dilations=(1, 2, 4, 8), causal=True),
    harmony=HarmonyPathSettings(channels=4, delay=16),
    tempo_bins=0,
    look_ahead=2,
)
RATES = (22050, 44100)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a causal network with random weights."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from beattrack.network.export import export_onnx
    from beattrack.network.model import BeatNetwork

    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("model") / "causal.onnx"
    export_onnx(BeatNetwork(CAUSAL), ModelSettings.of(CAUSAL), path)
    return path


@pytest.fixture(scope="module")
def music() -> dict[int, np.ndarray]:
    """Drums with a pause, by sample rate.

    There is noise of -80 dB, as in any recording. In digital silence before the first sound, rounding alone
    sets the level, and the two resamplers round differently.
    """
    clips = {rate: drum_clip(125, duration=3.0, sample_rate=rate)[0] for rate in RATES}
    for rate, clip in clips.items():
        clip[rate : round(1.5 * rate)] = 0
        clip += 2e-4 * noise(3.0, rate)
    return clips


@pytest.fixture(scope="module")
def offline(model: Path, music: dict[int, np.ndarray]) -> dict[int, Activations]:
    tracker = BeatTracker(model, threads=1)
    return {rate: tracker.activations(clip, rate) for rate, clip in music.items()}


def check(model: Path, samples: np.ndarray, rate: int, sizes: int | list[int], offline: Activations) -> None:
    tracker = StreamTracker(model, FakeDecoder(), sample_rate=rate)
    for chunk in cut(samples, sizes):
        tracker.process(chunk)
    tracker.finish()
    beats, downbeats = np.array(tracker.decoder.activations).T  # type: ignore[attr-defined]
    # The last frames of a part see silence after it, and those of the harmony view are the longest.
    same = len(beats) if len(samples) == round(3.0 * rate) else len(beats) - 5
    np.testing.assert_allclose(beats[:same], offline.beats[:same], atol=1e-5)
    np.testing.assert_allclose(downbeats[:same], offline.downbeats[:same], atol=1e-5)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size", CHUNK_SIZES[1:])
def test_for_chunks_of_one_size(model: Path, music, offline, rate: int, size: int) -> None:
    assert np.ptp(offline[rate].beats) > 0.01  # the network reacts to the music
    check(model, music[rate], rate, size, offline[rate])


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_for_single_samples(model: Path, music, offline, rate: int) -> None:
    check(model, music[rate], rate, 1, offline[rate])


@given(sizes=chunk_sizes)
@settings(max_examples=6, deadline=None)
def test_for_chunks_of_mixed_sizes(model: Path, music, offline, sizes: list[int]) -> None:
    check(model, music[44100][:60_000], 44100, [size + 50 for size in sizes], offline[44100])
