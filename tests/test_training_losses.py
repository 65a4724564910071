from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from beattrack.network.model import Logits  # noqa: E402
from beattrack.training.losses import losses, masked_cross_entropy, tempo_cross_entropy  # noqa: E402


def test_cross_entropy_against_its_definition() -> None:
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(2, 5)), rng.random((2, 5))
    weight = rng.random((2, 5))
    p = 1 / (1 + np.exp(-logits))
    expected = (weight * -(target * np.log(p) + (1 - target) * np.log(1 - p))).sum() / weight.sum()
    ours = masked_cross_entropy(*(torch.from_numpy(array) for array in (logits, target, weight)))
    assert ours.item() == pytest.approx(expected)


def test_masked_frames_have_no_gradient() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    weight = torch.tensor([[1.0, 0, 1, 0]])
    masked_cross_entropy(logits, torch.ones(1, 4), weight).backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad != 0, weight > 0)


def test_all_masked_is_zero_and_not_nan() -> None:
    nothing = torch.zeros(1, 4)
    assert masked_cross_entropy(torch.ones(1, 4), nothing, nothing).item() == 0
    assert tempo_cross_entropy(torch.ones(1, 4), nothing).item() == 0


def test_songs_without_tempo_are_left_out() -> None:
    logits = torch.randn(2, 6)
    target = torch.zeros(2, 6)
    target[0, 2] = 1
    alone = tempo_cross_entropy(logits[:1], target[:1])
    torch.testing.assert_close(tempo_cross_entropy(logits, target), alone)


def test_a_network_without_tempo_head_has_no_tempo_loss() -> None:
    frames = torch.zeros(1, 4)
    parts = losses(
        Logits(frames, frames, None),
        beats=frames,
        downbeats=frames,
        beat_weight=frames + 1,
        downbeat_weight=frames + 1,
        tempo=torch.zeros(1, 6),
    )
    assert parts.tempo.item() == 0
    assert parts.beats.item() == pytest.approx(np.log(2))
