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
