from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from beattrack.network.settings import TCNSettings  # noqa: E402
from beattrack.network.tcn import TCN  # noqa: E402
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


def test_long_crops_leave_all_taps() -> None:
    tcn = TCN(TCNSettings(channels=4, dilations=(1, 2, 4)))
    assert silence_unseen_taps(tcn, frames=100) == 0
