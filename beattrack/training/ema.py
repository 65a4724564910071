"""A running average of the weights, smoother and usually better than the last ones."""

from __future__ import annotations

import copy

import torch
from torch import nn


class AveragedWeights:
    """Exponential moving average of a module's parameters (Polyak & Juditsky 1992).

    The average forgets quickly at first (decay (1 + n) / (10 + n) at step n), then with `decay`.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's weights after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        # All at once, for a GPU spends longer on each start than on the few numbers of a tensor.
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), 1 - decay)
