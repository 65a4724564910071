"""Validation on held-out songs: losses on fixed crops, and scores of decoded beats."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from beattrack.network.inference import Network
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings
from beattrack.network.torch_engine import TorchEngine
from beattrack.runtime import workers
from beattrack.runtime.cores import usable_cores
from beattrack.training.examples.data import Batch, TrainingData
from beattrack.training.examples.sampling import Pool
from beattrack.training.folder.report import Report
from beattrack.training.held_out import choose, score, track
from beattrack.training.losses import Losses
from beattrack.training.module import TrainingModule, batch_losses
from beattrack.training.settings import TrainingSettings

CORES_TO_SHARE = 3  # with fewer cores, starting processes takes longer than they save


class Validation:
    """Validation of a run's averaged weights."""

    def __init__(self, data: TrainingData, settings: TrainingSettings) -> None:
        self._data, self._settings = data, settings
        self._batches: list[Batch] | None = None

    @torch.no_grad()
    def losses(self, module: TrainingModule) -> Losses:
        """Compute the mean loss of each head on fixed crops of held-out songs."""
        if self._batches is None:
            self._batches = self._data.validation_batches()
        rows = []
        for batch in self._batches:
            here = {name: tensor.to(module.device) for name, tensor in batch.items()}
            losses = batch_losses(module.averaged, here, self._settings.loss.tolerance)
            rows.append(torch.stack(tuple(losses)))
        return Losses(*torch.stack(rows).mean(dim=0))

    def is_due(self, step: int) -> bool:
        """Return whether songs are decoded after the epoch that ends at `step`."""
        every = self._settings.steps_per_epoch * self._settings.validation.decode_every
        return step % every == 0 or step == self._settings.steps

    def decode(self, network: BeatNetwork, device: str, step: int) -> Report:
        """Compute the scores of excerpts of some held-out songs.

        Args:
            network: network with the averaged weights.
            device: torch device.
            step: step of the weights.
        """
        pool, settings = self._data.split.validation, self._settings.validation
        chosen = choose(pool.songs, settings.decode_songs)
        return decode_songs(pool, chosen, network, device, step=step, seconds=settings.decode_seconds)


def decode_all(pool: Pool, network: BeatNetwork, device: str, *, step: int) -> Report:
    """Compute the scores of all held-out songs in full; see `decode_songs`."""
    return decode_songs(pool, range(len(pool.songs)), network, device, step=step, seconds=None)


def decode_songs(
    pool: Pool,
    chosen: Sequence[int],
    network: BeatNetwork,
    device: str,
    *,
    step: int,
    seconds: float | None,
) -> Report:
    """Compute the scores of songs, as `beattrack predict` and `beattrack eval` would with their defaults.

    Args:
        pool: songs.
        chosen: indices of the songs to decode.
        network: network to use.
        device: torch device.
        step: step of the weights.
        seconds: maximum duration of an excerpt; None for whole songs.
    """
    tracker = Network(TorchEngine(network, device), ModelSettings.of(network.settings))
    # Songs differ in length, and cuDNN would run its benchmark anew for every length.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False):
        tracked = [track(pool.songs[i], pool.datasets[i], tracker, seconds) for i in chosen]
    cores = usable_cores()
    jobs = cores if cores >= CORES_TO_SHARE else 1
    finished = workers.collect(score, tracked, processes=jobs)
    if finished.interrupted:
        raise KeyboardInterrupt
    scores = [result for result in finished.results if result is not None]
    return Report(step=step, complete=seconds is None, songs=tuple(scores))
