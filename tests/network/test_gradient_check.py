from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

torch = pytest.importorskip("torch")

from beattrack.errors import SettingsError  # noqa: E402
from beattrack.network.gradient_check import (  # noqa: E402
    measure_model,
    measure_recording,
    measure_stack,
    weighted_stages,
    with_new_weights,
)
from beattrack.network.model_settings import ModelSettings  # noqa: E402
from beattrack.network.receptive_field import StackSettings, model_stages  # noqa: E402
from beattrack.network.settings import (  # noqa: E402
    FrontEndSettings,
    HarmonyPathSettings,
    NetworkSettings,
    TCNSettings,
)
from beattrack.training.unseen_taps import silence_unseen_taps  # noqa: E402
from tests.network.test_receptive_field import stacks  # noqa: E402

FRONT_END = FrontEndSettings(channels=4)
PATH = HarmonyPathSettings(channels=3, convolutions=(6, 5), hidden=7, lags=(2, 4))
TCN = TCNSettings(channels=7, kernel=3, dilations=(1, 2, 4, 8))
WITH_PATH = NetworkSettings(front_end=FRONT_END, tcn=TCN, harmony=PATH)
CAUSAL = replace(
    WITH_PATH, tcn=replace(TCN, causal=True), harmony=replace(PATH, delay=20), tempo_bins=0, look_ahead=2
)
NETWORKS = {
    "both views": WITH_PATH,
    "one view": NetworkSettings(front_end=FRONT_END, tcn=replace(TCN, channels=4)),
    "causal": CAUSAL,
    "causal, no look-ahead": replace(CAUSAL, look_ahead=None, tcn=replace(TCN, causal=True, kernel=4)),
    "novelty": replace(WITH_PATH, harmony=replace(PATH, learned=False)),
    "causal novelty": replace(CAUSAL, harmony=replace(PATH, learned=False, delay=20)),
    "learned": replace(WITH_PATH, harmony=replace(PATH, novelty=False, kernel=7)),
    "gated": replace(WITH_PATH, tcn=replace(TCN, gated=True, parallel_pair=False, kernel=5)),
    "two convolutions, weight norm": replace(
        WITH_PATH, tcn=replace(TCN, convolutions=2, norm="weight", stacks=2, parallel_pair=False)
    ),
    "causal pairs of two, batch norm": replace(
        CAUSAL, tcn=replace(CAUSAL.tcn, convolutions=2, norm="batch", activate_sum=True)
    ),
    "layer norm, output from the skips": replace(
        CAUSAL, tcn=replace(CAUSAL.tcn, norm="layer", output="skips")
    ),
    "as WaveNet": replace(
        CAUSAL, tcn=replace(CAUSAL.tcn, gated=True, parallel_pair=False, stacks=2, output="wavenet")
    ),
    "sum head": replace(WITH_PATH, sum_head=True, front_end=replace(FRONT_END, time_kernels=(3, 3, 5))),
}


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_the_gradient_of_a_stack_reaches_as_far_as_the_formula_says(stack: StackSettings) -> None:
    measured = measure_stack(stack)
    assert measured.field == stack.field
    assert (measured.reached < stack.field.frames) == stack.has_gaps


@pytest.mark.parametrize(
    ("stack", "frames"),
    [
        (StackSettings(layers=4, first_undilated=True), 33),
        (StackSettings(layers=11, first_undilated=True), 4097),
        (StackSettings(layers=11, dilation=1), 23),
        (StackSettings(layers=100, dilation=1), 201),
        (StackSettings(layers=100, dilation=1, kernel=101), 10_001),
        (StackSettings(kernel=2, layers=10, causal=True), 1024),
    ],
)
def test_the_gradient_of_the_stacks_of_the_lecture_and_of_the_deepest_ones(
    stack: StackSettings, frames: int
) -> None:
    measured = measure_stack(stack, seed=3)
    assert measured.field == stack.field
    assert measured.field.frames == frames
    assert np.isfinite(measured.sizes).all()


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        (StackSettings(layers=101, dilation=1), "101 convolutions, at most 100"),
        (StackSettings(layers=20), "2097151 frames, at most 200000"),
        (StackSettings(kernel=103, layers=1), "103 taps in a convolution, at most 101"),
    ],
)
def test_stacks_that_are_too_large(stack: StackSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        measure_stack(stack)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_of_a_network_reaches_as_far_as_its_stages_say(name: str) -> None:
    model = ModelSettings.of(NETWORKS[name])
    stages = model_stages(model)
    measured = measure_model(with_new_weights(model.network, seed=1), model, seed=1)
    assert measured.fields == tuple(stage.field for stage in stages)
    assert (measured.harmony is None) == (model.harmony is None)
    assert measured.spectrogram.share_within(measured.spectrogram.field.frames) == pytest.approx(1)


@pytest.mark.parametrize(
    "name",
    [
        "both views",
        "causal",
        "one view",
        "two convolutions, weight norm",
        "causal pairs of two, batch norm",
        "as WaveNet",
    ],
)
def test_taps_that_training_silences_have_no_gradient(name: str) -> None:
    model = ModelSettings.of(NETWORKS[name])
    network = with_new_weights(model.network)
    assert silence_unseen_taps(network.tcn, 6) > 0
    used = weighted_stages(network, model)
    assert measure_model(network, model).fields == tuple(stage.field for stage in used)
    assert used[1].field.frames < model_stages(model)[1].field.frames


def test_a_network_is_not_changed_and_new_weights_leave_the_random_state() -> None:
    model = ModelSettings.of(WITH_PATH)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    network = with_new_weights(model.network).train()
    assert torch.equal(torch.rand(3), expected)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    measure_model(network, model)
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype == before[name].dtype


def test_networks_that_are_too_large() -> None:
    tcn = replace(TCN, dilations=(40_000,), channels=4)
    model = ModelSettings.of(NetworkSettings(front_end=FRONT_END, tcn=tcn))
    with pytest.raises(SettingsError, match=r"too large to measure: \d+ frames, at most 60000"):
        measure_model(with_new_weights(model.network), model)


@pytest.mark.parametrize("name", ["both views", "causal", "one view"])
@pytest.mark.parametrize("output", [0, 300, 599])
def test_the_gradient_at_a_frame_of_a_recording_ends_with_the_recording(name: str, output: int) -> None:
    model = ModelSettings.of(NETWORKS[name])
    rng = np.random.default_rng(0)
    spectrogram = rng.exponential(size=(600, 73)).astype(np.float32)
    harmony = rng.exponential(size=(60, 73)).astype(np.float32) if model.harmony else None
    measured = measure_recording(with_new_weights(model.network), model, spectrogram, harmony, output)
    field = model_stages(model)[2].field
    reached = measured.spectrogram.field
    assert reached.before == min(field.before, output)
    assert reached.after == min(field.after, 599 - output)


def test_silence_in_a_recording_leaves_the_rest_of_the_gradient() -> None:
    model = ModelSettings.of(WITH_PATH)
    rng = np.random.default_rng(0)
    spectrogram = rng.exponential(size=(600, 73)).astype(np.float32)
    harmony = rng.exponential(size=(60, 73)).astype(np.float32)
    spectrogram[320:] = harmony[32:] = 0.0
    measured = measure_recording(with_new_weights(model.network), model, spectrogram, harmony, 300)
    assert measured.harmony is not None
    assert np.isfinite(measured.harmony.sizes).all()
    assert measured.harmony.sizes[measured.harmony.output] > 0


def test_a_harmony_view_of_rounding_noise_has_no_gradient() -> None:
    model = ModelSettings.of(WITH_PATH)
    rng = np.random.default_rng(0)
    spectrogram = rng.exponential(size=(600, 73)).astype(np.float32)
    harmony = 1e-9 * rng.exponential(size=(60, 73)).astype(np.float32)
    measured = measure_recording(with_new_weights(model.network), model, spectrogram, harmony, 300)
    assert measured.harmony is not None
    assert measured.harmony.is_zero
    assert not measured.spectrogram.is_zero


def test_the_gradient_is_that_of_small_changes_of_the_input() -> None:
    """Against finite differences of the whole network, in the compressed scale."""
    model = ModelSettings.of(WITH_PATH)
    network = with_new_weights(model.network, seed=2)
    rng = np.random.default_rng(1)
    spectrogram = rng.exponential(size=(120, 73)).astype(np.float32)
    spectrogram /= np.float32(spectrogram.mean())
    harmony = rng.exponential(size=(12, 73)).astype(np.float32)
    output, frame, step = 60, 55, 1e-6
    measured = measure_recording(network, model, spectrogram, harmony, output)

    from beattrack.network.input_level import recording_level

    double = network.double().eval()
    views = [
        torch.from_numpy(view.astype(np.float64) / recording_level(view))[None]
        for view in (spectrogram, harmony)
    ]
    scale = FRONT_END.log_scale
    slopes = []
    with torch.no_grad():
        for band in range(73):
            logits = []
            for sign in (1, -1):
                changed = views[0].clone()
                compressed = torch.log1p(scale * changed[0, frame, band]) + sign * step
                changed[0, frame, band] = torch.expm1(compressed) / scale
                logits.append(double(changed, views[1]).beats[0, output])
            slopes.append(float(logits[0] - logits[1]) / (2 * step))
    assert np.abs(slopes).sum() == pytest.approx(measured.spectrogram.sizes[frame], rel=1e-3)


@pytest.mark.slow
def test_the_gradient_of_the_shipped_model() -> None:
    from beattrack.network.torch_engine import load_torch
    from beattrack.registry import find

    path: Path = find("tcn").path
    network, model = load_torch(path)
    measured = measure_model(network, model)
    assert measured.fields == tuple(stage.field for stage in weighted_stages(network, model))
    assert measured.spectrogram.field.frames < model.network.receptive_field
    shares = [measured.spectrogram.share_within(100 * seconds) for seconds in (1, 5, 20)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.5
