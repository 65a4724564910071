from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from beattrack.network.model import Logits  # noqa: E402
from beattrack.training.losses import (  # noqa: E402
    Losses,
    loss_totals,
    losses,
    masked_cross_entropy,
    shift_tolerant_cross_entropy,
    tempo_cross_entropy,
)


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


def test_a_shift_within_the_tolerance_costs_nothing() -> None:
    target = torch.zeros(1, 40)
    target[0, 20] = 1
    weight = torch.ones(1, 40)
    cost = []
    for shift in range(6):
        logits = torch.full((1, 40), -10.0)
        logits[0, 20 + shift] = 10.0
        cost.append(shift_tolerant_cross_entropy(logits, target, weight, 2).item())
    assert max(cost[:3]) < 1e-3
    assert min(cost[3:]) > 0.2  # the event is missed, and from 5 frames on another one is claimed
    assert min(cost[5:]) > max(cost[3:5])


def test_only_the_best_frame_near_a_label_is_pulled_up() -> None:
    logits = torch.zeros(1, 20)
    logits[0, 11] = 0.5
    logits.requires_grad_(True)
    target = torch.zeros(1, 20)
    target[0, 9:12] = torch.tensor([0.5, 1.0, 0.5])
    shift_tolerant_cross_entropy(logits, target, torch.ones(1, 20), 2).backward()
    assert logits.grad is not None
    assert torch.nonzero(logits.grad[0] < 0).flatten().tolist() == [11]
    assert not logits.grad[0, [8, 9, 10, 12]].any()


def test_the_tolerance_reaches_both_heads_and_masks_stay_masked() -> None:
    event = torch.zeros(2, 30)
    event[:, 15] = 1
    late = torch.full((2, 30), -9.0)
    late[:, 17] = 9.0
    known, unknown = torch.ones(2, 30), torch.zeros(2, 30)

    def of(tolerance: int, downbeat_weight: torch.Tensor) -> tuple[float, float]:
        parts = losses(
            Logits(late, late, None),
            beats=event,
            downbeats=event,
            beat_weight=known,
            downbeat_weight=downbeat_weight,
            tempo=torch.zeros(2, 3),
            tolerance=tolerance,
        )
        return parts.beats.item(), parts.downbeats.item()

    assert max(of(2, known)) < 1e-3 < min(of(0, known))
    assert of(0, unknown)[1] == of(2, unknown)[1] == 0


@pytest.mark.parametrize("tolerance", [0, 2])
def test_parts_divided_by_the_totals_of_the_whole_add_up_to_it(tolerance: int) -> None:
    rng = np.random.default_rng(0)
    targets = {
        "beats": (rng.random((4, 30)) < 0.1).astype(np.float32),
        "downbeats": (rng.random((4, 30)) < 0.05).astype(np.float32),
        "beat_weight": np.ones((4, 30), np.float32),
        "downbeat_weight": np.repeat(np.array([[1], [0], [0.5], [0]], np.float32), 30, axis=1),
        "tempo": np.eye(4, 5, dtype=np.float32) * np.array([[1], [1], [1], [0]], np.float32),
    }
    here = {name: torch.from_numpy(array) for name, array in targets.items()}
    scores = [torch.from_numpy(rng.normal(size=(4, size)).astype(np.float32)) for size in (30, 30, 5)]
    whole = losses(Logits(*scores), **here, tolerance=tolerance)
    totals = loss_totals(**here, tolerance=tolerance)
    parts = [
        losses(
            Logits(*(score[items] for score in scores)),
            **{name: tensor[items] for name, tensor in here.items()},
            tolerance=tolerance,
            totals=totals,
        )
        for items in ([0, 2], [1, 3])
    ]
    summed = Losses(*(sum(losses) for losses in zip(*parts, strict=True)))
    for ours, theirs in zip(summed, whole, strict=True):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
