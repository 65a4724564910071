"""Training of the WaveNet of the lab."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from wavenet_network import WaveNet, wavenet_settings

LOG = logging.getLogger("wavenet")
NATS_PER_BIT = math.log(2.0)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A network and how long to train it.

    Attributes:
        stacks: repetitions of the dilations.
        longest: largest dilation of a stack, a power of 2.
        pieces: pieces of music to train on.
        steps: optimiser steps.
        channels: channels of the residual stream.
        hidden: channels between the two convolutions of the head.
        batch: crops per step.
        crop: samples of a crop.
        learning_rate: largest learning rate; it rises for a tenth of the steps and falls as a cosine.
    """

    stacks: int
    longest: int
    pieces: int
    steps: int
    channels: int = 32
    hidden: int = 128
    batch: int = 1
    crop: int = 16384
    learning_rate: float = 4e-3

    def network(self) -> WaveNet:
        """Return the network with random weights."""
        dilations = tuple(2**i for i in range(self.longest.bit_length()))
        settings = wavenet_settings(channels=self.channels, dilations=dilations, stacks=self.stacks)
        return WaveNet(settings, hidden=self.hidden)


def fast_bfloat16() -> bool:
    """Return whether the CPU computes in bfloat16 itself, which about halves the time."""
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def train(plan: Plan, music: Tensor, *, seed: int, bfloat16: bool) -> tuple[WaveNet, list[float]]:
    """Train a network on random crops.

    Args:
        plan: the network and the length of the training.
        music: classes, shape (pieces, samples).
        seed: seed of the weights and the crops.
        bfloat16: compute layers in bfloat16; the weights stay in float32.

    Returns:
        The network and its loss at each step, in bits per sample.
    """
    torch.manual_seed(seed)
    network = plan.network()
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.learning_rate, total_steps=plan.steps, pct_start=0.1
    )
    losses = []
    for step in range(plan.steps):
        crops = _crops(music, plan)  # (batch, crop + 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(crops[:, :-1])
        loss = functional.cross_entropy(logits.float(), crops[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item() / NATS_PER_BIT)
        if step % 50 == 49:
            LOG.info("step %d of %d: %.3f bits per sample", step + 1, plan.steps, sum(losses[-50:]) / 50)
    return network.eval(), losses


def _crops(music: Tensor, plan: Plan) -> Tensor:
    pieces = torch.randint(len(music), (plan.batch,)).tolist()
    starts = torch.randint(music.shape[1] - plan.crop, (plan.batch,)).tolist()
    return torch.stack([music[p, s : s + plan.crop + 1] for p, s in zip(pieces, starts, strict=True)])
