"""The temporal convolutional network: residual blocks of increasing dilation.

A convolution with k taps and dilation d spans (k - 1) * d + 1 frames. If d doubles from block to block, the
receptive field grows exponentially with depth, while the cost grows linearly. docs/tcn.md has the equations.

Bai, Kolter & Koltun, arXiv 1803.01271; van den Oord et al. (WaveNet), arXiv 1609.03499; Böck & Davies, ISMIR
2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from beattrack.network.norms import normalise_weight, output_norm
from beattrack.network.tcn_settings import Activation, Norm, TCNSettings

ACTIVATIONS: dict[Activation, type[nn.Module]] = {"elu": nn.ELU, "relu": nn.ReLU, "gelu": nn.GELU}


class DilatedConvolution(nn.Module):
    """A dilated convolution, causal or not, that keeps the number of frames, and its norm.

    Input: (batch, inputs, frames). Output: (batch, outputs, frames).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, dilation: int, *, causal: bool, norm: Norm = "none"
    ) -> None:
        super().__init__()
        self.causal = causal
        self.convolution = nn.Conv1d(inputs, outputs, kernel)
        self.set_dilation(dilation)
        if norm == "weight":
            normalise_weight(self.convolution)
        self.norm = output_norm(norm, outputs)

    def set_dilation(self, dilation: int) -> None:
        """Change the dilation."""
        self.reach = (self.convolution.kernel_size[0] - 1) * dilation
        self.convolution.dilation = (dilation,)
        self.convolution.padding = (0,) if self.causal else (self.reach // 2,)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve, with zeros beyond the ends."""
        if self.causal:
            features = functional.pad(features, (self.reach, 0))
        out: Tensor = self.norm(self.convolution(features))
        return out

    def at_last(self, past: Tensor, features: Tensor) -> Tensor:
        """Convolve at one frame, to (batch, outputs).

        Args:
            past: input at the earlier frames that the taps see, oldest first, (batch, kernel - 1, inputs).
            features: input at the frame, (batch, inputs).
        """
        taps = torch.cat([past.flatten(1), features], dim=1)  # (batch, kernel * inputs)
        # A product of matrices runs faster than a convolution of a single output.
        weight = self.convolution.weight.transpose(1, 2).flatten(1)  # (outputs, kernel * inputs)
        out: Tensor = self.norm(functional.linear(taps, weight, self.convolution.bias))
        return out


class ResidualBlock(nn.Module):
    """Dilated convolutions, activation or gate, dropout and a 1x1 convolution, plus the residual path.

    The layers of a block are in one or two branches of one or more convolutions, one after another: the
    first of each in `branches`, the others in `deeper`.

    Args:
        settings: settings of the TCN.
        dilation: dilation of the block.
        inputs: channels of its input.
        residual: whether it has a residual path, to the next block.
    """

    def __init__(self, settings: TCNSettings, dilation: int, *, inputs: int, residual: bool = True) -> None:
        super().__init__()
        channels = settings.channels
        dilations = settings.branch_dilations(dilation)
        self.gated = settings.gated
        self.branches = nn.ModuleList(_convolution(settings, inputs, d) for d in dilations)
        self.deeper = nn.ModuleList(
            nn.ModuleList(_convolution(settings, channels, d) for _ in range(settings.convolutions - 1))
            for d in dilations
        )
        self.activation = ACTIVATIONS[settings.activation]()
        spatial = settings.dropout_kind == "spatial"
        self.dropout: nn.Module = nn.Dropout1d(settings.dropout) if spatial else nn.Dropout(settings.dropout)
        self.mix = nn.Conv1d(channels * len(dilations), channels, 1) if settings.mix_1x1 else None
        self.residual: nn.Module | None = None
        if residual:
            pointwise = settings.residual_1x1 or inputs != channels
            self.residual = nn.Conv1d(inputs, channels, 1) if pointwise else nn.Identity()
        self.activate_sum = settings.activate_sum
        self.memories = 1 + len(dilations) * (settings.convolutions - 1)  # see `TCNSettings.memories`

    @property
    def layers(self) -> Iterator[list[DilatedConvolution]]:
        """The convolutions of each branch, in order."""
        for first, others in zip(self.branches, self.deeper, strict=True):
            yield cast(list[DilatedConvolution], [first, *cast(nn.ModuleList, others)])

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next residual stream and this block's skip output, (batch, channels, frames) each.

        Without a residual path, the stream is the skip output.
        """
        branches = []
        for first, *others in self.layers:
            branch = self._nonlinearity(first(features))
            for layer in others:
                branch = self._nonlinearity(layer(self.dropout(branch)))
            branches.append(branch)
        skip = self.dropout(torch.cat(branches, dim=1))
        if self.mix is not None:
            skip = self.mix(skip)  # (batch, channels, frames)
        return self._sum(None if self.residual is None else self.residual(features), skip), skip

    def step(self, features: Tensor, pasts: Sequence[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Run one frame of a causal network.

        Args:
            features: this block's input at the frame, shape (batch, channels).
            pasts: its memories: what the taps see at earlier frames, shape (batch, taps, channels) each; see
                `TCNSettings.memories`.

        Returns:
            The next residual stream and this block's skip output, (batch, channels) each, and what later
            frames need in the memories of this one.
        """
        shared, *inner = pasts
        remembered, branches = [features], []
        for (first, *others), seen in zip(self.layers, shared.chunk(len(self.branches), dim=1), strict=True):
            branch = self._nonlinearity(first.at_last(seen, features))
            for layer in others:
                remembered.append(branch)
                branch = self._nonlinearity(layer.at_last(inner.pop(0), branch))
            branches.append(branch)
        skip = torch.cat(branches, dim=1)
        if self.mix is not None:
            skip = _pointwise(self.mix, skip)
        if isinstance(self.residual, nn.Conv1d):
            features = _pointwise(self.residual, features)
        return self._sum(None if self.residual is None else features, skip), skip, remembered

    def _nonlinearity(self, features: Tensor) -> Tensor:
        if self.gated:
            signal, gate = features.chunk(2, dim=1)
            return torch.tanh(signal) * torch.sigmoid(gate)
        out: Tensor = self.activation(features)
        return out

    def _sum(self, residual: Tensor | None, skip: Tensor) -> Tensor:
        stream = skip if residual is None else residual + skip
        return self.activation(stream) if self.activate_sum else stream


def _convolution(settings: TCNSettings, inputs: int, dilation: int) -> DilatedConvolution:
    """Return a dilated convolution of a block; a gate needs twice the channels."""
    outputs = settings.channels * (2 if settings.gated else 1)
    return DilatedConvolution(
        inputs, outputs, settings.kernel, dilation, causal=settings.causal, norm=settings.norm
    )


class TCN(nn.Module):
    """Residual blocks, one per dilation and stack.

    Input: (batch, inputs, frames).
    Outputs: the output that `TCNSettings.output` selects and, with `skip_sum`, the sum of the blocks' skip
    outputs, both (batch, channels, frames).

    Args:
        settings: settings of the TCN.
        inputs: channels of the input; None for those of the residual stream.
    """

    def __init__(self, settings: TCNSettings, *, inputs: int | None = None) -> None:
        super().__init__()
        self.settings = settings
        channels, dilations = settings.channels, settings.block_dilations
        widths = [inputs or channels, *[channels] * (len(dilations) - 1)]
        # Nothing reads the last residual stream if the output is the sum of the skip outputs.
        reads_stream = settings.output == "residual"
        self.blocks = nn.ModuleList(
            ResidualBlock(settings, dilation, inputs=width, residual=reads_stream or block < len(dilations))
            for block, (dilation, width) in enumerate(zip(dilations, widths, strict=True), start=1)
        )
        self.activation = ACTIVATIONS[settings.activation]()
        self.post = nn.Conv1d(channels, channels, 1) if settings.output == "wavenet" else None

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run all blocks."""
        stream, total = self._run(slice(None), features)
        return self._output(stream, total), total if self.settings.skip_sum else None

    def shallow(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run the blocks before the deep ones; see `TCNSettings.shallow_blocks`.

        Args:
            features: shape (batch, inputs, frames).

        Returns:
            The residual stream and, with `skip_sum`, the sum of the skip outputs.
        """
        return self._run(slice(self.settings.shallow_blocks), features)

    def deep(self, stream: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run the deep blocks and the output activation on what `shallow` returns."""
        stream, total = self._run(slice(self.settings.shallow_blocks, None), stream)
        return self._output(stream, total), total

    def _run(self, blocks: slice, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run some blocks; return the residual stream and, if it is read, the sum of the skip outputs."""
        total: Tensor | None = None
        for block in self.blocks[blocks]:
            features, skip = block(features)
            if self.settings.skip_sum or self.settings.output != "residual":
                total = skip if total is None else total + skip
        return features, total

    def divide_dilations(self, divisor: int) -> None:
        """Divide the dilations of the deep blocks, so that they run on every `divisor`-th frame."""
        for block in self.blocks[self.settings.shallow_blocks :]:
            for layers in cast(ResidualBlock, block).layers:
                for layer in layers:
                    layer.set_dilation(layer.convolution.dilation[0] // divisor)

    def one_step(self, features: Tensor) -> Tensor:
        """Run all blocks and return the output at one frame, for a decision about the whole input.

        Args:
            features: shape (batch, inputs, frames), with at least one frame.

        Returns:
            The output at the last frame if the network is causal. Otherwise, the output at the middle frame,
            from which both ends are equally far. Shape (batch, channels).
        """
        frames = features.shape[2]
        outputs: Tensor = self(features)[0]
        return outputs[:, :, frames - 1 if self.settings.causal else frames // 2]

    def step(self, features: Tensor, pasts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run all blocks on one frame of a causal network in evaluation mode.

        Args:
            features: shape (batch, inputs).
            pasts: what the taps see at earlier frames, zero before the first frame, oldest first, shape
                (batch, taps, channels) for each of `TCNSettings.memories`.

        Returns:
            The output, (batch, channels), and what later frames need in these memories, (batch, channels)
            each.
        """
        total: Tensor | None = None
        remembered: list[Tensor] = []
        for block in self.blocks:
            own = pasts[len(remembered) : len(remembered) + cast(ResidualBlock, block).memories]
            features, skip, new = cast(ResidualBlock, block).step(features, own)
            remembered += new
            total = skip if total is None else total + skip
        return self._output(features, total), remembered

    def _output(self, stream: Tensor, total: Tensor | None) -> Tensor:
        """Return the output from the residual stream and the sum of the skip outputs."""
        if self.settings.output == "residual" or total is None:
            activated: Tensor = stream if self.settings.activate_sum else self.activation(stream)
            return activated
        if self.post is None:
            return total
        processed: Tensor = self.activation(_pointwise(self.post, self.activation(total)))
        return processed


def _pointwise(convolution: nn.Conv1d, features: Tensor) -> Tensor:
    """Apply a 1x1 convolution to frames, (batch, channels, frames), or to one frame, (batch, channels)."""
    if features.ndim == 3:
        out: Tensor = convolution(features)
        return out
    return functional.linear(features, convolution.weight.squeeze(2), convolution.bias)
