"""Settings of the temporal convolutional network. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from beattrack.errors import SettingsError
from beattrack.runtime import checks
from beattrack.runtime.records import ADDED_LATER

Activation = Literal["elu", "relu", "gelu"]
DropoutKind = Literal["spatial", "element"]
Norm = Literal["none", "batch", "layer", "weight"]
Output = Literal["residual", "skips", "wavenet"]

PHASES = 32  # see `network.body`
_MOST_SHALLOW_SPAN = 512  # frames


@dataclass(frozen=True, kw_only=True)
class TCNSettings:
    """The temporal convolutional network (Bai et al. 2018; Böck & Davies 2020; WaveNet with `gated`).

    docs/tcn.md compares these settings with those of other implementations.

    Attributes:
        channels: channels of the residual stream.
        kernel: taps of each dilated convolution; odd unless the network is causal.
        dilations: dilation of each residual block, in order.
        causal: see past frames only, by padding on the left.
        parallel_pair: use two parallel convolutions per block, of dilations d and 2 * d (Böck & Davies 2020).
        residual_1x1: use a 1x1 convolution on the residual path. The first block has one in any case if the
            width of its input is not `channels`.
        activation: activation function of the blocks and the output.
        gated: use tanh(a) * sigmoid(b) in the blocks instead of `activation` (van den Oord et al. 2016).
        dropout: dropout rate.
        dropout_kind: drop whole channels (`spatial`) or single elements (`element`).
        skip_sum: also sum the blocks' skip outputs, for the tempo head.
        stacks: how many times the list of dilations is run through, with new weights each time.
        convolutions: dilated convolutions after one another in a block, each followed by norm, activation
            and dropout (2 in Bai et al. 2018).
        norm: normalisation of the dilated convolutions: `batch` or `layer` (over the channels of each frame)
            normalise their outputs, `weight` their weights.
        mix_1x1: use a 1x1 convolution after the dilated convolutions of a block.
        activate_sum: apply `activation` to the sum of a block and its residual path (Bai et al. 2018).
        output: input of the heads: the activated residual stream (`residual`), the sum of the blocks' skip
            outputs (`skips`), or that sum after activation, 1x1 convolution and activation (`wavenet`).

    Raises:
        SettingsError: if a value is out of range or settings do not fit each other.
    """

    channels: int = 32
    kernel: int = 5
    dilations: tuple[int, ...] = tuple(2**i for i in range(11))
    causal: bool = False
    parallel_pair: bool = True
    residual_1x1: bool = True
    activation: Activation = "elu"
    gated: bool = False
    dropout: float = 0.1
    dropout_kind: DropoutKind = "spatial"
    skip_sum: bool = True
    # Model files from before these settings do not have them: their defaults must stay as they are.
    stacks: int = field(default=1, metadata=ADDED_LATER)
    convolutions: int = field(default=1, metadata=ADDED_LATER)
    norm: Norm = field(default="none", metadata=ADDED_LATER)
    mix_1x1: bool = field(default=True, metadata=ADDED_LATER)
    activate_sum: bool = field(default=False, metadata=ADDED_LATER)
    output: Output = field(default="residual", metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        flags = ("causal", "parallel_pair", "residual_1x1", "gated", "skip_sum", "mix_1x1", "activate_sum")
        count = checks.positive(whole=True)
        checks.apply(
            self,
            {
                **dict.fromkeys(flags, checks.flag()),
                **dict.fromkeys(("channels", "stacks", "convolutions"), count),
                "kernel": checks.at_least(2, whole=True),
                "dilations": checks.several(count),
                "activation": checks.choice(get_args(Activation)),
                "dropout_kind": checks.choice(get_args(DropoutKind)),
                "dropout": checks.between(0, 1, high_open=True),
                "norm": checks.choice(get_args(Norm)),
                "output": checks.choice(get_args(Output)),
            },
        )
        if not self.causal and self.kernel % 2 == 0:
            raise SettingsError(f"kernel must be odd unless the network is causal, not {self.kernel}")
        if self.parallel_pair and not self.mix_1x1:
            raise SettingsError(
                "a pair of parallel convolutions needs mix_1x1, which joins them; set parallel_pair = false"
            )

    @property
    def block_dilations(self) -> tuple[int, ...]:
        """Dilation of each residual block, of all stacks in order."""
        return self.dilations * self.stacks

    def branch_dilations(self, dilation: int) -> tuple[int, ...]:
        """Return the dilation of each branch of a block.

        Args:
            dilation: dilation of the block.
        """
        return (dilation, 2 * dilation) if self.parallel_pair else (dilation,)

    def tap_distances(self, dilation: int) -> tuple[int, ...]:
        """Return how many frames earlier the first convolutions of a causal block look into its input.

        Args:
            dilation: dilation of the block.

        Returns:
            Distances of the taps, branch after branch, without those at the frame itself.
        """
        return tuple(tap for d in self.branch_dilations(dilation) for tap in self._taps(d))

    @property
    def memories(self) -> tuple[tuple[int, ...], ...]:
        """What a causal network must remember to run frame by frame, in the order in which it is computed.

        For every block these are its input and, if it has several `convolutions`, the input of each later
        one, branch after branch. Each memory is given by how many frames earlier the taps look into it.
        """
        memories: list[tuple[int, ...]] = []
        for dilation in self.block_dilations:
            memories.append(self.tap_distances(dilation))
            for branch in self.branch_dilations(dilation):
                memories += [self._taps(branch)] * (self.convolutions - 1)
        return tuple(memories)

    def _taps(self, dilation: int) -> tuple[int, ...]:
        return tuple(tap * dilation for tap in range(self.kernel - 1, 0, -1))

    @property
    def shallow_blocks(self) -> int | None:
        """Number of blocks before the deep ones, whose dilations are multiples of `PHASES`.

        None if there are no deep blocks or none before them, or if these read more than 512 frames.
        """
        blocks = len(self.block_dilations)
        while blocks and self.block_dilations[blocks - 1] % PHASES == 0:
            blocks -= 1
        few = self.span(blocks) <= _MOST_SHALLOW_SPAN
        return blocks if 0 < blocks < len(self.block_dilations) and few else None

    def span(self, blocks: int) -> int:
        """Return how many frames around a frame the first blocks read for it."""
        widest = sum(max(self.branch_dilations(dilation)) for dilation in self.block_dilations[:blocks])
        return self.convolutions * (self.kernel - 1) * widest

    @property
    def receptive_field(self) -> int:
        """Frames of input that one output frame sees.

        1 + the sum over all blocks of `convolutions` * (kernel - 1) * largest dilation of the block.
        """
        return 1 + self.span(len(self.block_dilations))
