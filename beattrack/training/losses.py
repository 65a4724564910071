"""Losses of the three heads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from beattrack.network.model import Logits


class Losses(NamedTuple):
    """One number a head."""

    beats: Tensor
    downbeats: Tensor
    tempo: Tensor


def masked_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy, (batch, frames), averaged over the weights; 0 where all of them are 0."""
    loss = functional.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="sum")
    return loss / weight.sum().clamp(min=1.0)


def tempo_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy to a distribution, (batch, bins); a target of zeros is left out of the mean."""
    loss = -(target * functional.log_softmax(logits, dim=1)).sum(dim=1)
    return loss.sum() / (target.sum(dim=1) > 0).sum().clamp(min=1)


def losses(
    logits: Logits,
    *,
    beats: Tensor,
    downbeats: Tensor,
    beat_weight: Tensor,
    downbeat_weight: Tensor,
    tempo: Tensor,
) -> Losses:
    """Loss of each head, frames and songs without a label left out."""
    zero = torch.zeros((), device=beats.device)
    return Losses(
        beats=masked_cross_entropy(logits.beats, beats, beat_weight),
        downbeats=masked_cross_entropy(logits.downbeats, downbeats, downbeat_weight),
        tempo=zero if logits.tempo is None else tempo_cross_entropy(logits.tempo, tempo),
    )
