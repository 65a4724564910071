from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from beattrack.network.front_end import FrontEnd  # noqa: E402
from beattrack.network.model import BeatNetwork  # noqa: E402
from beattrack.network.settings import FrontEndSettings, NetworkSettings, TCNSettings  # noqa: E402
from beattrack.network.tcn import TCN  # noqa: E402

SMALL = TCNSettings(channels=4, kernel=3, dilations=(1, 2, 4))
VARIANTS: list[dict[str, Any]] = [
    {},
    {"causal": True},
    {"causal": True, "kernel": 2},
    {"parallel_pair": False},
    {"residual_1x1": False},
    {"gated": True},
    {"activation": "gelu", "dropout_kind": "element"},
    {"kernel": 5, "dilations": (1, 3)},
]


def influence(tcn: TCN, frames: int) -> torch.Tensor:
    """Which input frames the middle output frame depends on, by its gradient."""
    features = torch.randn(1, tcn.settings.channels, frames, dtype=torch.float64, requires_grad=True)
    stream, _ = tcn.double().eval()(features)
    stream[0, :, frames // 2].sum().backward()
    assert features.grad is not None
    return torch.nonzero(features.grad.abs().sum(dim=1)[0])[:, 0] - frames // 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_receptive_field_is_what_the_settings_say(variant: dict[str, Any]) -> None:
    torch.manual_seed(0)
    tcn = TCN(replace(SMALL, **variant))
    reached = influence(tcn, 201)
    assert int(reached.max() - reached.min()) + 1 == tcn.settings.receptive_field
    if tcn.settings.causal:
        assert int(reached.max()) == 0
    else:
        assert int(reached.max()) == -int(reached.min())


@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_any_number_of_frames_passes(frames: int) -> None:
    network = BeatNetwork(NetworkSettings()).eval()
    logits = network(torch.rand(2, frames, 73))
    assert logits.beats.shape == logits.downbeats.shape == (2, frames)
    assert logits.tempo is not None
    assert logits.tempo.shape == (2, 300)


def test_baseline_has_the_published_size() -> None:
    # 72 262 in the paper's 81 bands and 1x10 kernel; 1x8 over 73 bands takes 800 weights less.
    published = NetworkSettings(front_end=FrontEndSettings(channels=20), tcn=TCNSettings(channels=20))
    assert BeatNetwork(published).parameter_count() == 72_262 - 800


def test_a_causal_network_does_not_look_ahead() -> None:
    torch.manual_seed(0)
    network = BeatNetwork(NetworkSettings(tcn=TCNSettings(causal=True), tempo_bins=0)).eval()
    spectrogram = torch.rand(1, 60, 73)
    changed = spectrogram.clone()
    changed[:, 40:] = torch.rand(1, 20, 73)
    before, after = network(spectrogram).beats, network(changed).beats
    assert torch.equal(before[:, :40], after[:, :40])
    assert not torch.allclose(before[:, 40:], after[:, 40:])


def test_sum_head_adds_the_downbeat_logit() -> None:
    torch.manual_seed(0)
    plain = BeatNetwork(NetworkSettings()).eval()
    summed = BeatNetwork(NetworkSettings(sum_head=True)).eval()
    summed.load_state_dict(plain.state_dict())
    spectrogram = torch.rand(1, 50, 73)
    own, both = plain(spectrogram), summed(spectrogram)
    torch.testing.assert_close(both.beats, own.beats + own.downbeats)
    torch.testing.assert_close(both.downbeats, own.downbeats)


def test_without_tempo_bins_there_is_no_tempo() -> None:
    settings = NetworkSettings(tempo_bins=0, tcn=TCNSettings(skip_sum=False))
    assert BeatNetwork(settings).eval()(torch.rand(1, 20, 73)).tempo is None


def test_front_end_standardises_the_compressed_bands() -> None:
    front_end = FrontEnd(FrontEndSettings(), frames_after=2)
    sample = front_end.compress(torch.rand(1000, 73))
    front_end.standardise(sample.mean(dim=0), sample.std(dim=0))
    standard = (sample - front_end.band_mean) * front_end.band_scale
    torch.testing.assert_close(standard.mean(dim=0), torch.zeros(73), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(dim=0), torch.ones(73), atol=1e-4, rtol=0)


def test_padding_repeats_the_outermost_frames() -> None:
    spectrogram = torch.rand(1, 3, 73)
    padded = FrontEnd(FrontEndSettings(), frames_after=2).pad(spectrogram)
    assert torch.equal(padded[0, [0, 1]], spectrogram[0, [0, 0]])
    assert torch.equal(padded[0, [-2, -1]], spectrogram[0, [-1, -1]])
    causal = FrontEnd(FrontEndSettings(), frames_after=0).pad(spectrogram)
    assert torch.equal(causal[0, 4:], spectrogram[0])


def test_pooling_before_elu_changes_nothing() -> None:
    torch.manual_seed(0)
    front_end = FrontEnd(FrontEndSettings(), frames_after=2).eval()
    padded = torch.rand(1, 30, 73)
    maps = ((front_end.compress(padded) - front_end.band_mean) * front_end.band_scale).unsqueeze(1)
    for convolution in front_end.convolutions:
        maps = torch.nn.functional.max_pool2d(torch.nn.functional.elu(convolution(maps)), (1, 3))
    torch.testing.assert_close(front_end(padded), maps.squeeze(3))
