"""The batches of a run. Each depends only on the seed and its step, so that a run can be resumed."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from beattrack.datasets.packed import memory
from beattrack.network.input_level import over_running_level
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import NetworkSettings
from beattrack.training.examples.crops import Crop, draw_crop
from beattrack.training.examples.pulse_free import draw_pulse_free_crop
from beattrack.training.examples.sampling import Pool, Split
from beattrack.training.examples.targets import tempo_distribution
from beattrack.training.settings import TrainingSettings

Batch = dict[str, Tensor]

VALIDATION_SEED = 2**32 - 1
STANDARDISATION_STEP = 10**9  # first step of the batches for standardisation, later than any step of a run


def draw_crops(
    pool: Pool, settings: TrainingSettings, seed: int, step: int, items: Sequence[int] | None = None
) -> list[Crop]:
    """Return the crops of a step.

    Args:
        pool: songs to draw from.
        settings: settings of the run.
        seed: seed of the random numbers.
        step: number of the step.
        items: indices of the crops in the batch, for one of several devices; None for all.
    """
    songs = np.random.default_rng((seed, step)).choice(len(pool.songs), settings.batch, p=pool.chances)
    chosen = range(settings.batch) if items is None else items
    # Count from 1, because (seed, step, 0) seeds the same generator as (seed, step).
    return [_draw(pool, int(songs[i]), settings, np.random.default_rng((seed, step, i + 1))) for i in chosen]


def _draw(pool: Pool, song: int, settings: TrainingSettings, rng: np.random.Generator) -> Crop:
    share = settings.crop.pulse_free_share
    if share > 0 and rng.random() < share:
        return draw_pulse_free_crop(settings.crop, rng)
    return draw_crop(pool.songs[song], settings.crop, rng)


def make_batch(crops: Sequence[Crop], network: NetworkSettings) -> Batch:
    """Return crops as a batch.

    Args:
        crops: crops to stack. Those without a harmony view get one of zeros.
        network: settings of the network.

    Returns:
        Tensors by name: `spectrogram`, `harmony` if the network uses it, and the targets for `losses`.
    """
    batch = {"spectrogram": np.stack([_spectrogram(crop, network) for crop in crops])}
    if network.harmony is not None:
        frames = -(-batch["spectrogram"].shape[1] // network.harmony.ratio)
        nothing = np.zeros((frames, network.harmony.bands), np.float32)
        views = [_harmony(crop, network) for crop in crops]
        batch["harmony"] = np.stack([nothing if view is None else view for view in views])
    for field in dataclasses.fields(crops[0].targets):
        values = [getattr(crop.targets, field.name) for crop in crops]
        if field.name == "bpm":
            batch["tempo"] = np.stack([tempo_distribution(bpm, network.tempo_bins) for bpm in values])
        else:
            batch[field.name] = np.stack(values)
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def _spectrogram(crop: Crop, network: NetworkSettings) -> NDArray[np.float32]:
    """Return the spectrogram of a crop as the network's input: over the running level if it is causal."""
    if not network.causal:
        return crop.spectrogram
    return over_running_level(crop.spectrogram, ModelSettings.of(network).spectrogram.fps)


def _harmony(crop: Crop, network: NetworkSettings) -> NDArray[np.float32] | None:
    """Return the harmony view of a crop, if there is one, as the network's input."""
    if crop.harmony is None or not network.causal:
        return crop.harmony
    return over_running_level(crop.harmony, ModelSettings.of(network).slow_fps)


class Batches(Dataset[Batch]):
    """The batch of each step of a run, or one device's part of it."""

    def __init__(self, pool: Pool, settings: TrainingSettings, *, rank: int = 0, ranks: int = 1) -> None:
        self._pool, self._settings = pool, settings
        self._items = range(rank, settings.batch, ranks)

    def __getitem__(self, step: int) -> Batch:
        crops = draw_crops(self._pool, self._settings, self._settings.seed, step, self._items)
        return make_batch(crops, self._settings.network)


class Steps(Sampler[int]):
    """The remaining steps of a run.

    There is no `__len__`, because with it Lightning would count the steps before an interruption twice.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._first, self._last))


class _Loader(DataLoader[Batch]):
    """A loader whose processes can be ended, also if the error that ended the run still refers to them."""

    _begun: Any = None

    def __iter__(self) -> Any:
        self._begun = super().__iter__()
        return self._begun

    def end(self) -> None:
        """End the processes."""
        shut_down = getattr(self._begun, "_shutdown_workers", None)
        if shut_down is not None:
            shut_down()


class TrainingData(lightning.LightningDataModule):
    """The batches of a run, drawn in `workers` processes; with 0, in the process of the trainer."""

    def __init__(self, split: Split, settings: TrainingSettings, *, workers: int) -> None:
        super().__init__()
        self.split, self._settings, self.workers = split, settings, workers
        self._loader: _Loader | None = None

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the loader of batches, from the trainer's current step on."""
        trainer = self.trainer
        if trainer is None:
            raise RuntimeError("the data belong to no trainer")
        batches = Batches(
            self.split.training, self._settings, rank=trainer.global_rank, ranks=trainer.world_size
        )
        memory.share(self.workers + 1)
        self._loader = _Loader(
            batches,
            batch_size=None,
            sampler=Steps(trainer.global_step, self._settings.steps),
            num_workers=self.workers,
            worker_init_fn=_leave_signals_to_parent,
            pin_memory=trainer.strategy.root_device.type == "cuda",
            prefetch_factor=4 if self.workers else None,
        )
        return self._loader

    def end(self) -> None:
        """End the processes, which ignore signals: if any were left, this program could not exit."""
        if self._loader is not None:
            self._loader.end()

    def validation_batches(self) -> list[Batch]:
        """Return batches of fixed crops of held-out songs."""
        pool, settings = self.split.validation, self._settings
        return [
            make_batch(draw_crops(pool, settings, VALIDATION_SEED, number), settings.network)
            for number in range(settings.validation.batches)
        ]

    def sample(self, crops: int = 128) -> tuple[Tensor, Tensor | None]:
        """Return frames of training crops, to standardise the network's input.

        Args:
            crops: number of crops to draw, rounded up to whole batches.

        Returns:
            Spectrogram, shape (frames, bands), and harmony view, shape (slow frames, bands), or None if no
            crop has one.
        """
        pool, settings = self.split.training, self._settings
        drawn = [
            crop
            for number in range(-(-crops // settings.batch))
            for crop in draw_crops(pool, settings, settings.seed, STANDARDISATION_STEP + number)
        ]
        views = [_harmony(crop, settings.network) for crop in drawn] if settings.network.harmony else []
        slow = [view for view in views if view is not None]
        return (
            torch.from_numpy(np.concatenate([_spectrogram(crop, settings.network) for crop in drawn])),
            torch.from_numpy(np.concatenate(slow)) if slow else None,
        )


def _leave_signals_to_parent(worker: int) -> None:
    """Ignore signals in a worker, because the parent acts on them and workers end with it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
