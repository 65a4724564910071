"""The losses of the three heads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from beattrack.network.model import Logits


class Losses(NamedTuple):
    """The loss of each head."""

    beats: Tensor
    downbeats: Tensor
    tempo: Tensor


def masked_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, total: Tensor | None = None
) -> Tensor:
    """Compute the weighted mean of the binary cross-entropy.

    Args:
        logits: shape (batch, frames).
        target: shape (batch, frames), from 0 to 1.
        weight: shape (batch, frames).
        total: number to divide the weighted sum by, a scalar; None for the sum of the weights.

    Returns:
        The mean, a scalar; 0 if all weights are 0.
    """
    loss = functional.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="sum")
    return loss / (weight.sum().clamp(min=1.0) if total is None else total)


def shift_tolerant_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, tolerance: int, total: Tensor | None = None
) -> Tensor:
    """Compute the binary cross-entropy of events that may be up to `tolerance` frames away from their labels.

    The highest logit within the tolerance of a label counts for the event. Frames without an event count only
    if no label is within twice the tolerance, so that a shifted event is not penalised.

    Args:
        logits: shape (batch, frames).
        target: shape (batch, frames), 1 at an event; values below 1 count as 0.
        weight: shape (batch, frames).
        tolerance: tolerance in frames.
        total: see `masked_cross_entropy`.

    Returns:
        The weighted mean, a scalar.

    Foscarin, Schlüter & Widmer, "Beat This!", ISMIR 2024.
    """
    events = (target == 1).to(logits)
    highest = _highest_within(logits, tolerance)
    return masked_cross_entropy(highest, events, _tolerant_weight(target, weight, tolerance), total)


def _tolerant_weight(target: Tensor, weight: Tensor, tolerance: int) -> Tensor:
    """Return the weights of the frames that count in `shift_tolerant_cross_entropy`, (batch, frames)."""
    events = (target == 1).to(weight)
    far = 1.0 - _highest_within(events, 2 * tolerance)
    return weight * (events + far)


def _highest_within(values: Tensor, reach: int) -> Tensor:
    """Return the maximum of (batch, frames) values within `reach` frames on both sides."""
    return functional.max_pool1d(values.unsqueeze(1), 2 * reach + 1, stride=1, padding=reach).squeeze(1)


def tempo_cross_entropy(logits: Tensor, target: Tensor, total: Tensor | None = None) -> Tensor:
    """Compute the mean cross-entropy of tempo distributions.

    Args:
        logits: shape (batch, bins).
        target: shape (batch, bins); rows of zeros are ignored.
        total: number to divide the sum by, a scalar; None for the number of rows that are not ignored.

    Returns:
        The mean, a scalar.
    """
    loss = -(target * functional.log_softmax(logits, dim=1)).sum(dim=1)
    return loss.sum() / ((target.sum(dim=1) > 0).sum().clamp(min=1) if total is None else total)


def losses(
    logits: Logits,
    *,
    beats: Tensor,
    downbeats: Tensor,
    beat_weight: Tensor,
    downbeat_weight: Tensor,
    tempo: Tensor,
    tolerance: int = 0,
    totals: Tensor | None = None,
) -> Losses:
    """Compute the loss of each head, ignoring frames and songs without labels.

    Args:
        logits: outputs of the network; the loss of a head that it does not have is 0.
        beats: beat targets, shape (batch, frames).
        downbeats: downbeat targets, shape (batch, frames).
        beat_weight: weights of the beat targets, shape (batch, frames).
        downbeat_weight: weights of the downbeat targets, shape (batch, frames).
        tempo: target distributions, shape (batch, bins).
        tolerance: see `shift_tolerant_cross_entropy`; with 0, every frame counts.
        totals: number to divide the sum of each head by, shape (3,); None for those of `loss_totals`.
    """
    parts = None if totals is None else Losses(*totals)
    zero = torch.zeros((), device=beats.device)

    def events(scores: Tensor | None, target: Tensor, weight: Tensor, total: Tensor | None) -> Tensor:
        if scores is None:
            return zero
        if tolerance:
            return shift_tolerant_cross_entropy(scores, target, weight, tolerance, total)
        return masked_cross_entropy(scores, target, weight, total)

    return Losses(
        beats=events(logits.beats, beats, beat_weight, parts and parts.beats),
        downbeats=events(logits.downbeats, downbeats, downbeat_weight, parts and parts.downbeats),
        tempo=zero
        if logits.tempo is None
        else tempo_cross_entropy(logits.tempo, tempo, parts and parts.tempo),
    )


def loss_totals(
    *,
    beats: Tensor,
    downbeats: Tensor,
    beat_weight: Tensor,
    downbeat_weight: Tensor,
    tempo: Tensor,
    tolerance: int = 0,
) -> Tensor:
    """Compute the number that the sum of each head is divided by to get its mean: the weight of its labels.

    Args:
        beats: see `losses`, as are the others.
        downbeats: see `losses`.
        beat_weight: see `losses`.
        downbeat_weight: see `losses`.
        tempo: see `losses`.
        tolerance: see `losses`.

    Returns:
        Totals, shape (3,); those of a head without labels are 0.
    """
    if tolerance:
        beat_weight = _tolerant_weight(beats, beat_weight, tolerance)
        downbeat_weight = _tolerant_weight(downbeats, downbeat_weight, tolerance)
    return torch.stack([beat_weight.sum(), downbeat_weight.sum(), (tempo.sum(dim=1) > 0).sum()])
