"""Networks for the tests of memory: a causal TCN and recurrent networks with as many parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from beattrack.network.settings import TCNSettings
from beattrack.network.tcn import TCN

RECURRENT: dict[str, type[nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}
KERNEL = 8  # as in Bai et al. for the longest sequences
SPAN = 1.5  # receptive field of the TCN, in sequences
MOST_BLOCKS = 20


Block = Literal["single", "double"]


@dataclass(frozen=True)
class Shape:
    """What all networks compared have in common.

    Attributes:
        inputs: features at each step.
        outputs: numbers put out at each step.
        steps: length of a sequence, which the receptive field of the TCN must span.
        channels: channels of the TCN; the size of the recurrent networks follows.
        block: what a block of the TCN is made of. `single` is beattrack's block of one dilated convolution
            and a 1x1 convolution, `double` that of Bai et al. of two dilated convolutions, with a ReLU after
            the sum. The first learns copy memory faster, the second the adding problem.
    """

    inputs: int
    outputs: int
    steps: int
    channels: int = 16
    block: Block = "double"


class ConvolutionalNetwork(nn.Module):
    """A causal TCN with a 1x1 convolution as its output.

    Input: (batch, steps, inputs). Output: (batch, steps, outputs).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tcn = TCN(tcn_settings(shape), inputs=shape.inputs)
        self.exit = nn.Conv1d(shape.channels, shape.outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Run the network."""
        stream, _ = self.tcn(features.transpose(1, 2))  # (batch, channels, steps)
        out: Tensor = self.exit(stream).transpose(1, 2)
        return out


class RecurrentNetwork(nn.Module):
    """One recurrent layer and a linear one.

    Input: (batch, steps, inputs). Output: (batch, steps, outputs).
    """

    def __init__(self, kind: str, size: int, shape: Shape) -> None:
        super().__init__()
        self.cell = RECURRENT[kind](shape.inputs, size, batch_first=True)
        self.exit = nn.Linear(size, shape.outputs)
        if kind == "lstm":
            # An open forget gate at the start: Jozefowicz, Zaremba & Sutskever, ICML 2015.
            with torch.no_grad():
                self.cell.bias_ih_l0[size : 2 * size] += 1.0  # gates: input, forget, cell, output

    def forward(self, features: Tensor) -> Tensor:
        """Run the network."""
        states, _ = self.cell(features)  # (batch, steps, size)
        out: Tensor = self.exit(states)
        return out


def tcn_settings(shape: Shape) -> TCNSettings:
    """Return the settings of a TCN with enough blocks for a sequence.

    A step at the far end of the receptive field reaches the output along one path only and is learned slowly,
    so the receptive field spans a sequence one and a half times. Unlike that of Bai et al., the network has
    no weight norm, with which it did not learn the adding problem here.
    """
    settings = [_settings(shape, blocks) for blocks in range(1, MOST_BLOCKS)]
    return next(one for one in settings if one.receptive_field >= SPAN * shape.steps)


def _settings(shape: Shape, blocks: int) -> TCNSettings:
    double = shape.block == "double"
    return TCNSettings(
        channels=shape.channels,
        kernel=KERNEL,
        dilations=tuple(2**block for block in range(blocks)),
        causal=True,
        convolutions=2 if double else 1,
        activation="relu",
        activate_sum=double,
        parallel_pair=False,
        residual_1x1=False,
        mix_1x1=not double,
        dropout=0.0,
        skip_sum=False,
    )


def build(kind: str, shape: Shape, *, seed: int) -> nn.Module:
    """Return a network with new weights.

    Args:
        kind: "tcn", or a recurrent network: "gru", "lstm" or "rnn" (tanh). Its size is chosen so that it has
            as nearly as possible as many parameters as the TCN.
        shape: input, output and length.
        seed: seed of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "tcn":
            return ConvolutionalNetwork(shape)
        return RecurrentNetwork(kind, matched_size(kind, shape), shape)


def matched_size(kind: str, shape: Shape) -> int:
    """Return the size of a recurrent network's state that comes closest to the TCN's number of parameters."""
    with torch.device("meta"):  # shapes without weights
        wanted = parameters(ConvolutionalNetwork(shape))
        sizes = {size: parameters(RECURRENT[kind](shape.inputs, size)) for size in _sizes(wanted)}
    exits = {size: (size + 1) * shape.outputs for size in sizes}
    return min(sizes, key=lambda size: abs(sizes[size] + exits[size] - wanted))


def parameters(network: nn.Module) -> int:
    """Count the parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def _sizes(wanted: int) -> range:
    return range(1, int(wanted**0.5) + 2)  # a state of n has at least n * n weights
