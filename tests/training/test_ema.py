from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from beattrack.training.ema import AveragedWeights  # noqa: E402


def test_average_follows_its_formula_and_leaves_the_module_alone() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 0.0)
    average = AveragedWeights(module, decay=0.9)
    expected = 0.0
    for step in range(1, 200):
        torch.nn.init.constant_(module.weight, float(step))
        average.update(module)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert module.weight.item() == 199
    assert not average.module.weight.requires_grad
    assert not average.module.training


def test_buffers_are_averaged_and_counters_copied() -> None:
    module = torch.nn.BatchNorm1d(2)
    average = AveragedWeights(module, decay=0.9)
    expected = torch.zeros(2)
    for step in range(1, 60):
        module(torch.randn(16, 2) + step)
        average.update(module)
        expected = torch.lerp(expected, module.running_mean, 1 - min(0.9, (1 + step) / (10 + step)))
    torch.testing.assert_close(average.module.running_mean, expected)
    assert average.module.num_batches_tracked == 59
    assert not average.module.training


def test_buffers_that_do_not_change_keep_their_bits() -> None:
    module = torch.nn.Linear(2, 2)
    module.register_buffer("constant", torch.tensor([0.1, 1 / 3]))
    average = AveragedWeights(module, decay=0.9)
    for _ in range(20):
        average.update(module)
    assert torch.equal(average.module.constant, module.constant)
