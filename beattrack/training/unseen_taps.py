"""Taps of the widest convolutions that reach beyond every crop."""

from __future__ import annotations

import torch

from beattrack.network.tcn import TCN, DilatedConvolution


@torch.no_grad()
def silence_unseen_taps(tcn: TCN, frames: int) -> int:
    """Set to zero the taps that lie `frames` or more from their output, and give their number.

    In crops of so many frames they only ever meet the padding, so that training leaves them as they were
    initialised: noise in longer music.
    """
    silenced = 0
    for module in tcn.modules():
        if isinstance(module, DilatedConvolution):
            kernel, dilation = module.convolution.kernel_size[0], module.convolution.dilation[0]
            output = kernel - 1 if module.causal else kernel // 2  # the tap at the output's own frame
            unseen = [tap for tap in range(kernel) if abs(tap - output) * dilation >= frames]
            module.convolution.weight[:, :, unseen] = 0.0
            silenced += len(unseen)
    return silenced
