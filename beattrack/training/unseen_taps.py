"""Taps of dilated convolutions that reach beyond every crop."""

from __future__ import annotations

import torch
from torch import nn

from beattrack.network.norms import set_weight
from beattrack.network.tcn import DilatedConvolution


@torch.no_grad()
def silence_unseen_taps(network: nn.Module, frames: int) -> int:
    """Set taps to zero that are at least `frames` frames away from their output.

    In crops of so many frames they see only padding. Training would leave them at their random initial
    values, which add noise in longer recordings.

    Args:
        network: network to change, or its TCN.
        frames: frames in a crop.

    Returns:
        Number of these taps.
    """
    silenced = 0
    for module in network.modules():
        if isinstance(module, DilatedConvolution):
            kernel, dilation = module.convolution.kernel_size[0], module.convolution.dilation[0]
            output = kernel - 1 if module.causal else kernel // 2  # the tap at the output's own frame
            unseen = [tap for tap in range(kernel) if abs(tap - output) * dilation >= frames]
            if unseen:
                weight = module.convolution.weight.clone()
                weight[:, :, unseen] = 0.0
                set_weight(module.convolution, weight)
            silenced += len(unseen)
    return silenced
