"""Normalisation of the dilated convolutions: of their outputs, or of their weights.

Ioffe & Szegedy (batch norm), arXiv 1502.03167; Ba, Kiros & Hinton (layer norm), arXiv 1607.06450; Salimans &
Kingma (weight norm), arXiv 1602.07868.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from beattrack.network.tcn_settings import Norm


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each frame: (batch, channels, frames) or (batch, channels)."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise each frame by itself, so that the receptive field stays the same."""
        if features.ndim == 2:  # one frame
            return super().forward(features)
        return super().forward(features.transpose(1, 2)).transpose(1, 2)


def output_norm(norm: Norm, channels: int) -> nn.Module:
    """Return the layer that normalises the output of a convolution, (batch, channels, frames)."""
    if norm == "batch":
        return nn.BatchNorm1d(channels)
    return ChannelNorm(channels) if norm == "layer" else nn.Identity()


def normalise_weight(convolution: nn.Conv1d) -> None:
    """Split the weight of a convolution into a direction and a length for each output."""
    parametrizations.weight_norm(convolution)


@torch.no_grad()
def set_weight(convolution: nn.Conv1d, weight: Tensor) -> None:
    """Set the weight of a convolution, whose weight may be normalised."""
    if parametrize.is_parametrized(convolution, "weight"):
        convolution.weight = weight  # torch computes direction and length
    else:
        convolution.weight.copy_(weight)


@torch.no_grad()
def fold_weight_norm(module: nn.Module) -> None:
    """Replace direction and length by the weight itself in all convolutions, which then run faster."""
    for name, convolution in _normalised(module):
        # torch's remove_parametrizations would also change the class, which copies of the module share.
        plain = nn.Conv1d(
            convolution.in_channels,
            convolution.out_channels,
            convolution.kernel_size,
            padding=convolution.padding,
            dilation=convolution.dilation,
        )
        plain.load_state_dict({"weight": convolution.weight, "bias": convolution.bias})
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, plain)


def folded_names(module: nn.Module) -> set[str]:
    """Return the names that the weights get when `fold_weight_norm` is called on the module."""
    return {f"{name}.weight" for name, _ in _normalised(module)}


def _normalised(module: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, child in list(module.named_modules()):
        if isinstance(child, nn.Conv1d) and parametrize.is_parametrized(child, "weight"):
            yield name, child
