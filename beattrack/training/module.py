"""The training step: forward pass, losses, optimiser, running average of the weights."""

from __future__ import annotations

import math
from typing import Any, cast

import lightning
import numpy as np
import torch
from torch import Tensor

from beattrack.network.model import BeatNetwork
from beattrack.training import ranks
from beattrack.training.ema import AveragedWeights
from beattrack.training.errors import SharedError
from beattrack.training.examples.data import Batch
from beattrack.training.losses import Losses, loss_totals, losses
from beattrack.training.settings import TrainingSettings

CHECK_EVERY = 25  # steps on a GPU, where reading the loss blocks until it is computed


class TrainingModule(lightning.LightningModule):
    """The network in training, the running average of its weights, and the losses since the last log row."""

    def __init__(self, settings: TrainingSettings) -> None:
        super().__init__()
        self.settings = settings
        self.network = BeatNetwork(settings.network)
        # On a CPU, channels_last halves the time of the front-end's pooling and gradients.
        self.network.front_end.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedWeights(self.network, settings.average_decay)
        self._sums = torch.zeros(len(Losses._fields))
        self._count = 0

    @property
    def averaged(self) -> BeatNetwork:
        """The network with the averaged weights."""
        return cast(BeatNetwork, self.average.module)

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Set the weights of the network and of the running average."""
        self.network.load_state_dict(weights)
        self.average.module.load_state_dict(weights)

    def on_fit_start(self) -> None:
        """Move the tensors that Lightning does not manage to the device."""
        self.average.module.to(self.device)
        self._sums = self._sums.to(self.device)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout with step and rank, so that interruptions do not change the result."""
        seed = np.random.SeedSequence((self.settings.seed, self.global_step, self.global_rank + 1))
        torch.manual_seed(int(seed.generate_state(1)[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the weighted sum of the losses; its mean over all ranks is that of the whole batch."""
        tolerance = self.settings.loss.tolerance
        parts = batch_losses(self.network, batch, tolerance, whole_batch_totals(batch, tolerance))
        # All ranks see the losses of the whole batch, so that all stop at the same step if they are NaN.
        means = ranks.total(torch.stack(tuple(parts)).detach()) / ranks.count()
        if self.device.type == "cpu" or self.global_step % CHECK_EVERY == 0:
            self._check(weighted_sum(Losses(*means), self.settings))
        self._sums += means
        self._count += 1
        return weighted_sum(parts, self.settings)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take the step, then update the running average."""
        super().optimizer_step(*args, **kwargs)
        self.average.update(self.network)

    def configure_optimizers(self) -> Any:
        """Return AdamW, with weight decay on matrices and kernels only, and the schedule of `rate_factor`."""
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.settings.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=self.settings.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, self.settings))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def mean_losses(self) -> Losses:
        """Return the mean training losses since the last call."""
        means = self._sums / max(self._count, 1)
        self._check(means.sum())
        self._sums, self._count = torch.zeros_like(self._sums), 0
        return Losses(*means)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the state that Lightning does not manage."""
        checkpoint["average"] = self.average.module.state_dict()
        checkpoint["average_steps"] = self.average.steps
        checkpoint["recent_losses"] = (self._sums, self._count)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the state that Lightning does not manage."""
        self.average.module.load_state_dict(checkpoint["average"])
        self.average.steps = checkpoint["average_steps"]
        self._sums, self._count = checkpoint["recent_losses"]

    def check_weights(self) -> None:
        """Raise TrainingError if weights are infinite or NaN, so that they are not saved."""
        norms = torch._foreach_norm([parameter.detach() for parameter in self.network.parameters()])
        self._check(torch.stack(norms).sum(), "size of the weights")

    def _check(self, value: Tensor, name: str = "loss") -> None:
        if not torch.isfinite(value):
            raise SharedError(
                f"the {name} became {value.item()} at step {self.global_step}: try a lower learning_rate, a "
                "longer warm_up or a smaller clip_norm; the last checkpoint is from before that step"
            )


def batch_losses(
    network: BeatNetwork, batch: Batch, tolerance: int = 0, totals: Tensor | None = None
) -> Losses:
    """Compute the losses of a network on a batch; see `losses` for the tolerance and the totals."""
    logits = network(batch["spectrogram"], batch.get("harmony"))
    return losses(logits, **_targets(batch), tolerance=tolerance, totals=totals)


def whole_batch_totals(batch: Batch, tolerance: int = 0) -> Tensor | None:
    """Return what the sums of a rank's losses are divided by, so that their mean over the ranks is the loss.

    The mean of the losses of each rank's crops would weigh labels by how few there are on their rank.

    Args:
        batch: this rank's part of the batch.
        tolerance: see `losses`.

    Returns:
        Totals for `losses`, shape (3,); None if there is only one rank.
    """
    if ranks.count() == 1:
        return None
    totals = ranks.total(loss_totals(**_targets(batch), tolerance=tolerance))
    return totals.clamp(min=1.0) / ranks.count()


def _targets(batch: Batch) -> Batch:
    return {name: tensor for name, tensor in batch.items() if name not in ("spectrogram", "harmony")}


def weighted_sum(parts: Losses, settings: TrainingSettings) -> Tensor:
    """Compute the total loss, with the weights of the settings."""
    weights = [getattr(settings.loss, name) for name in Losses._fields]
    return torch.stack([weight * part for weight, part in zip(weights, parts, strict=True)]).sum()


def rate_factor(step: int, settings: TrainingSettings) -> float:
    """Return the learning rate at a step, relative to its peak: linear warm-up and cosine decay."""
    warm = min(1.0, (step + 1) / max(settings.warm_up, 1))
    final, progress = settings.final_learning_rate, min(step / settings.steps, 1.0)
    return warm * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))
