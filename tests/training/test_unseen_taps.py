from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from beattrack.network.settings import TCNSettings  # noqa: E402
from beattrack.network.tcn import TCN  # noqa: E402
from beattrack.network.tcn_settings import Norm  # noqa: E402
from beattrack.training.unseen_taps import silence_unseen_taps  # noqa: E402


def gradient_reach(tcn: TCN, frames: int) -> int:
    """How far from the middle frame of a long input the output there depends on it."""
    tcn.eval()
    features = torch.randn(1, 4, frames, requires_grad=True)
    tcn(features)[0][0, :, frames // 2].sum().backward()
    seen = torch.nonzero(features.grad.abs().sum(dim=(0, 1))).flatten()
    return int((seen - frames // 2).abs().max())


@pytest.mark.parametrize("causal", [False, True])
def test_only_taps_within_a_crop_are_left(causal: bool) -> None:
    torch.manual_seed(0)
    tcn = TCN(TCNSettings(channels=4, dilations=(1, 64), parallel_pair=False, causal=causal))
    whole = gradient_reach(tcn, 1001)
    assert silence_unseen_taps(tcn, frames=128) == (3 if causal else 2)
    reach = 4 if causal else 2  # of the block of dilation 1
    assert whole == (4 * 64 if causal else 2 * 64) + reach
    assert gradient_reach(tcn, 1001) == 64 + reach


@pytest.mark.parametrize("norm", ["weight", "batch"])
def test_taps_of_all_convolutions_of_a_block_are_set(norm: Norm) -> None:
    torch.manual_seed(0)
    settings = TCNSettings(
        channels=4, dilations=(1, 64), parallel_pair=False, causal=True, convolutions=2, norm=norm
    )
    tcn = TCN(settings)
    convolutions = [layer.convolution for block in tcn.blocks for layers in block.layers for layer in layers]
    before = [convolution.weight.detach().clone() for convolution in convolutions]
    assert silence_unseen_taps(tcn, frames=128) == 6
    for number, (old, convolution) in enumerate(zip(before, convolutions, strict=True)):
        used = slice(0 if number < 2 else 3, None)  # of the second block, the three most distant are unseen
        torch.testing.assert_close(convolution.weight[:, :, used], old[:, :, used])
    assert gradient_reach(tcn, 1001) == 2 * 4 + 2 * 64


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_silenced_taps_stay_zero_in_training_with_weight_norm(decay: float) -> None:
    torch.manual_seed(0)
    tcn = TCN(TCNSettings(channels=4, dilations=(1, 16), parallel_pair=False, causal=True, norm="weight"))
    silence_unseen_taps(tcn, frames=20)
    optimiser = torch.optim.AdamW(tcn.parameters(), lr=0.01, weight_decay=decay)
    for _ in range(5):
        tcn(torch.randn(2, 4, 20))[0].square().sum().backward()
        optimiser.step()
    weight = tcn.blocks[1].branches[0].convolution.weight
    assert not weight[:, :, :3].any()
    assert weight[:, :, 3:].all()


def test_long_crops_leave_all_taps() -> None:
    tcn = TCN(TCNSettings(channels=4, dilations=(1, 2, 4)))
    assert silence_unseen_taps(tcn, frames=100) == 0
