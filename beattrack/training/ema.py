"""A running average of the weights, which usually gives better results than the last weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class AveragedWeights:
    """Exponential moving average of a module's parameters and buffers (Polyak & Juditsky 1992).

    The decay at step n is (1 + n) / (10 + n), but at most `decay`, so that the first steps are soon
    forgotten. Buffers, such as the means and variances of batch norm, must fit the averaged weights, so they
    are averaged alike; whole numbers are copied.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Update the average with the module's weights after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        # One call for all tensors, because on a GPU starting an operation takes longer than the operation.
        ours, theirs = ([*each.parameters(), *each.buffers()] for each in (self.module, module))
        averaged = [i for i, tensor in enumerate(ours) if tensor.is_floating_point()]
        torch._foreach_lerp_([ours[i] for i in averaged], [theirs[i] for i in averaged], 1 - decay)
        for mine, other in zip(ours, theirs, strict=True):
            if not mine.is_floating_point():
                mine.copy_(other)
