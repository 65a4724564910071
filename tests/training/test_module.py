"""One step: the rate, the decay, and a loss that is no number."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from beattrack.training.errors import TrainingError
from beattrack.training.examples.data import Batches
from beattrack.training.examples.sampling import make_pool
from beattrack.training.losses import Losses
from beattrack.training.module import TrainingModule, rate_factor, weighted_sum
from tests.training_cases import small, song


def test_the_rate_rises_then_falls_along_a_half_cosine() -> None:
    settings = small(steps=100, warm_up=10, final_learning_rate=0.01)
    factors = [rate_factor(step, settings) for step in range(101)]
    assert factors[0] == pytest.approx(0.1, rel=1e-2)
    assert max(factors) == factors[10] or max(factors) == factors[9]
    assert factors[50] == pytest.approx(0.01 + 0.99 / 2)
    assert factors[100] == pytest.approx(0.01)
    assert all(later < earlier for earlier, later in pairwise(factors[10:]))
    assert rate_factor(0, small(warm_up=0)) == 1.0


def test_only_matrices_and_kernels_decay() -> None:
    module = TrainingModule(small(weight_decay=0.3))
    optimiser = module.configure_optimizers()["optimizer"]
    decays = {group["weight_decay"]: [p.ndim for p in group["params"]] for group in optimiser.param_groups}
    assert set(decays) == {0.3, 0.0}
    assert min(decays[0.3]) == 2
    assert set(decays[0.0]) == {1}
    assert sum(map(len, decays.values())) == len(list(module.network.parameters()))


def test_heads_weigh_as_the_settings_say() -> None:
    parts = Losses(*(torch.tensor(value) for value in (1.0, 10.0, 100.0)))
    settings = small(loss__beats=0.5, loss__downbeats=0.25, loss__tempo=0.01)
    assert float(weighted_sum(parts, settings)) == pytest.approx(0.5 + 2.5 + 1.0)


def test_mean_losses_are_of_the_steps_since_the_last_time() -> None:
    settings = small(crop__frames=200)
    batches = Batches(make_pool({"a": (song(),)}, {"a": 1.0}), settings)
    module = TrainingModule(settings)
    totals = [module.training_step(batches[i], 0).item() for i in range(2)]
    means = module.mean_losses()
    assert float(weighted_sum(means, settings)) == pytest.approx(sum(totals) / 2, rel=1e-4)
    third = module.training_step(batches[2], 0).item()
    assert float(weighted_sum(module.mean_losses(), settings)) == pytest.approx(third, rel=1e-4)


def test_a_loss_that_is_no_number_stops_with_a_sentence() -> None:
    settings = small(crop__frames=200)
    batch = Batches(make_pool({"a": (song(),)}, {"a": 1.0}), settings)[0]
    module = TrainingModule(settings)
    module.network.front_end.band_mean.fill_(math.nan)
    with pytest.raises(TrainingError, match="the loss became nan at step 0: try"):
        module.training_step(batch, 0)
