"""The temporal convolutional network: residual blocks of increasing dilation.

A convolution with k taps and dilation d spans (k - 1) * d + 1 frames. If d doubles from block to block, the
receptive field grows exponentially with depth, while the cost grows linearly.

Bai, Kolter & Koltun, arXiv 1803.01271; van den Oord et al. (WaveNet), arXiv 1609.03499; Böck & Davies, ISMIR
2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from beattrack.network.settings import Activation, TCNSettings

ACTIVATIONS: dict[Activation, type[nn.Module]] = {"elu": nn.ELU, "relu": nn.ReLU, "gelu": nn.GELU}


class DilatedConvolution(nn.Module):
    """A dilated convolution, causal or not, that keeps the number of frames.

    Input: (batch, inputs, frames). Output: (batch, outputs, frames).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int, *, causal: bool) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.causal = causal
        padding = 0 if causal else self.reach // 2
        self.convolution = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=padding)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve, with zeros beyond the ends."""
        if self.causal:
            features = functional.pad(features, (self.reach, 0))
        out: Tensor = self.convolution(features)
        return out

    def at_last(self, taps: Tensor) -> Tensor:
        """Convolve at one frame: (batch, kernel * inputs), the oldest tap first, to (batch, outputs)."""
        # A product of matrices runs faster than a convolution of a single output.
        weight = self.convolution.weight.transpose(1, 2).flatten(1)  # (outputs, kernel * inputs)
        return functional.linear(taps, weight, self.convolution.bias)


class ResidualBlock(nn.Module):
    """Dilated convolutions, activation or gate, dropout and a 1x1 convolution, plus the residual path."""

    def __init__(self, settings: TCNSettings, dilation: int) -> None:
        super().__init__()
        channels = settings.channels
        dilations = (dilation, 2 * dilation) if settings.parallel_pair else (dilation,)
        outputs = channels * (2 if settings.gated else 1)
        self.gated = settings.gated
        self.branches = nn.ModuleList(
            DilatedConvolution(channels, outputs, settings.kernel, d, causal=settings.causal)
            for d in dilations
        )
        self.activation = ACTIVATIONS[settings.activation]()
        spatial = settings.dropout_kind == "spatial"
        self.dropout: nn.Module = nn.Dropout1d(settings.dropout) if spatial else nn.Dropout(settings.dropout)
        self.mix = nn.Conv1d(channels * len(dilations), channels, 1)
        self.residual: nn.Module = (
            nn.Conv1d(channels, channels, 1) if settings.residual_1x1 else nn.Identity()
        )

    def _nonlinearity(self, features: Tensor) -> Tensor:
        if self.gated:
            signal, gate = features.chunk(2, dim=1)
            return torch.tanh(signal) * torch.sigmoid(gate)
        out: Tensor = self.activation(features)
        return out

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next residual stream and this block's skip output, (batch, channels, frames) each."""
        branches = [self._nonlinearity(branch(features)) for branch in self.branches]
        skip = self.mix(self.dropout(torch.cat(branches, dim=1)))  # (batch, channels, frames)
        return self.residual(features) + skip, skip

    def step(self, features: Tensor, past: Tensor) -> Tensor:
        """Return the next residual stream for one frame of a causal network, (batch, channels).

        Args:
            features: this block's input at the frame, shape (batch, channels).
            past: its inputs at the earlier frames that the taps see, oldest first, branch after branch, shape
                (batch, taps, channels); see `TCNSettings.tap_distances`.
        """
        branches = []
        for branch, seen in zip(self.branches, past.chunk(len(self.branches), dim=1), strict=True):
            taps = torch.cat([seen.flatten(1), features], dim=1)
            branches.append(self._nonlinearity(cast(DilatedConvolution, branch).at_last(taps)))
        joined = _pointwise(self.mix, self.dropout(torch.cat(branches, dim=1)))
        if isinstance(self.residual, nn.Conv1d):
            features = _pointwise(self.residual, features)
        return features + joined


class TCN(nn.Module):
    """A stack of residual blocks, one per dilation.

    Input: (batch, channels, frames).
    Outputs: the activated residual stream and, with `skip_sum`, the sum of the blocks' skip outputs, both
    (batch, channels, frames).
    """

    def __init__(self, settings: TCNSettings) -> None:
        super().__init__()
        self.settings = settings
        self.blocks = nn.ModuleList(ResidualBlock(settings, dilation) for dilation in settings.dilations)
        self.activation = ACTIVATIONS[settings.activation]()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run all blocks."""
        total: Tensor | None = None
        for block in self.blocks:
            features, skip = block(features)
            if self.settings.skip_sum:
                total = skip if total is None else total + skip
        return self.activation(features), total

    def step(self, features: Tensor, pasts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run all blocks on one frame of a causal network.

        Args:
            features: shape (batch, channels).
            pasts: earlier inputs of each block; see `ResidualBlock.step`.

        Returns:
            The activated residual stream, (batch, channels), and the input of each block, which later frames
            see as their past.
        """
        inputs = []
        for block, past in zip(self.blocks, pasts, strict=True):
            inputs.append(features)
            features = cast(ResidualBlock, block).step(features, past)
        return self.activation(features), inputs


def _pointwise(convolution: nn.Conv1d, features: Tensor) -> Tensor:
    """Apply a 1x1 convolution to one frame, (batch, channels)."""
    return functional.linear(features, convolution.weight.squeeze(2), convolution.bias)
