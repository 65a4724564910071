"""The batches of a run: each is drawn from the seed and its own number, whatever came before it."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator, Sequence

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from beattrack.network.settings import NetworkSettings
from beattrack.training.examples.crops import Crop, draw_crop
from beattrack.training.examples.pulse_free import draw_pulse_free_crop
from beattrack.training.examples.sampling import Pool, Split
from beattrack.training.examples.targets import tempo_distribution
from beattrack.training.settings import TrainingSettings

Batch = dict[str, Tensor]

VALIDATION_SEED = 2**32 - 1
STANDARDISATION_STEP = 10**9  # batches from this number on, which no run reaches, serve to standardise


def draw_crops(
    pool: Pool, settings: TrainingSettings, seed: int, step: int, items: Sequence[int] | None = None
) -> list[Crop]:
    """Draw the crops of one step, or those that `items` lists, as one of several devices does."""
    songs = np.random.default_rng((seed, step)).choice(len(pool.songs), settings.batch, p=pool.chances)
    chosen = range(settings.batch) if items is None else items
    # Counted from 1, for (seed, step, 0) seeds the same generator as (seed, step).
    return [_draw(pool, int(songs[i]), settings, np.random.default_rng((seed, step, i + 1))) for i in chosen]


def _draw(pool: Pool, song: int, settings: TrainingSettings, rng: np.random.Generator) -> Crop:
    share = settings.crop.pulse_free_share
    if share > 0 and rng.random() < share:
        return draw_pulse_free_crop(settings.crop, rng)
    return draw_crop(pool.songs[song], settings.crop, rng)


def make_batch(crops: Sequence[Crop], network: NetworkSettings) -> Batch:
    """Stack crops: `spectrogram`, `harmony` if the network reads it, and what `losses` is called with.

    Crops without a slow view get one of zeros.
    """
    batch = {"spectrogram": np.stack([crop.spectrogram for crop in crops])}
    if network.harmony is not None:
        frames = -(-batch["spectrogram"].shape[1] // network.harmony.ratio)
        nothing = np.zeros((frames, network.harmony.bands), np.float32)
        batch["harmony"] = np.stack([nothing if crop.harmony is None else crop.harmony for crop in crops])
    for field in dataclasses.fields(crops[0].targets):
        values = [getattr(crop.targets, field.name) for crop in crops]
        if field.name == "bpm":
            batch["tempo"] = np.stack([tempo_distribution(bpm, network.tempo_bins) for bpm in values])
        else:
            batch[field.name] = np.stack(values)
    return {name: torch.from_numpy(array) for name, array in batch.items()}


class Batches(Dataset[Batch]):
    """Batch number n of a run, or the part of it that one of several devices takes."""

    def __init__(self, pool: Pool, settings: TrainingSettings, *, rank: int = 0, ranks: int = 1) -> None:
        self._pool, self._settings = pool, settings
        self._items = range(rank, settings.batch, ranks)

    def __getitem__(self, step: int) -> Batch:
        crops = draw_crops(self._pool, self._settings, self._settings.seed, step, self._items)
        return make_batch(crops, self._settings.network)


class Steps(Sampler[int]):
    """The steps that are left of a run.

    Of no stated length: Lightning would count the steps before an interruption twice.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._first, self._last))


class TrainingData(lightning.LightningDataModule):
    """Gives the trainer its batches, drawn in `workers` processes, or in its own with none."""

    def __init__(self, split: Split, settings: TrainingSettings, *, workers: int) -> None:
        super().__init__()
        self.split, self._settings, self._workers = split, settings, workers

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches from the step at which the trainer is."""
        trainer = self.trainer
        if trainer is None:
            raise RuntimeError("the data belong to no trainer")
        batches = Batches(
            self.split.training, self._settings, rank=trainer.global_rank, ranks=trainer.world_size
        )
        return DataLoader(
            batches,
            batch_size=None,
            sampler=Steps(trainer.global_step, self._settings.steps),
            num_workers=self._workers,
            worker_init_fn=_leave_signals_to_parent,
            pin_memory=trainer.strategy.root_device.type == "cuda",
            prefetch_factor=4 if self._workers else None,
        )

    def validation_batches(self) -> list[Batch]:
        """Crops of held-out songs, the same every time."""
        pool, settings = self.split.validation, self._settings
        return [
            make_batch(draw_crops(pool, settings, VALIDATION_SEED, number), settings.network)
            for number in range(settings.validation.batches)
        ]

    def sample(self, batches: int = 16) -> tuple[Tensor, Tensor | None]:
        """Draw both views of training crops, (frames, bands) each, to standardise the network's input with.

        The second is None if no crop has a slow view.
        """
        pool, settings = self.split.training, self._settings
        crops = [
            crop
            for number in range(batches)
            for crop in draw_crops(pool, settings, settings.seed, STANDARDISATION_STEP + number)
        ]
        slow = [crop.harmony for crop in crops if crop.harmony is not None]
        return (
            torch.from_numpy(np.concatenate([crop.spectrogram for crop in crops])),
            torch.from_numpy(np.concatenate(slow)) if slow else None,
        )


def _leave_signals_to_parent(worker: int) -> None:
    """Signals may reach all processes of a run; the parent acts on them, and workers end when it is gone."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
