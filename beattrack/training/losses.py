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


def shift_tolerant_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor, tolerance: int) -> Tensor:
    """Binary cross-entropy that lets an event lie up to `tolerance` frames beside its label.

    The highest logit near a label is judged as the event; all others are judged where no label is nearer than
    twice the tolerance, so that a shifted event is no error (Foscarin, Schlüter & Widmer, "Beat This!", ISMIR
    2024). target: (batch, frames), 1 at an event; smaller values beside it are ignored.
    """
    events = (target == 1).to(logits)
    highest = _highest_within(logits, tolerance)
    far = 1.0 - _highest_within(events, 2 * tolerance)
    return masked_cross_entropy(highest, events, weight * (events + far))


def _highest_within(values: Tensor, reach: int) -> Tensor:
    """The highest of (batch, frames) within `reach` frames to either side."""
    return functional.max_pool1d(values.unsqueeze(1), 2 * reach + 1, stride=1, padding=reach).squeeze(1)


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
    tolerance: int = 0,
) -> Losses:
    """Loss of each head, frames and songs without a label left out.

    tolerance: frames that an event may lie beside its label; 0 learns the labels with what is beside them.
    """
    zero = torch.zeros((), device=beats.device)

    def events(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        if tolerance:
            return shift_tolerant_cross_entropy(scores, target, weight, tolerance)
        return masked_cross_entropy(scores, target, weight)

    return Losses(
        beats=events(logits.beats, beats, beat_weight),
        downbeats=events(logits.downbeats, downbeats, downbeat_weight),
        tempo=zero if logits.tempo is None else tempo_cross_entropy(logits.tempo, tempo),
    )
