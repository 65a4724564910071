"""The devices, processes and threads of a run, and Lightning's trainer for them."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from beattrack.runtime import checks
from beattrack.runtime.cores import usable_cores
from beattrack.training.errors import TrainingError
from beattrack.training.settings import TrainingSettings

MOST_WORKERS = 16


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Devices, processes and threads of a run. They change its result only by rounding and dropout.

    Attributes:
        accelerator: see Lightning's Trainer.
        devices: see Lightning's Trainer.
        nodes: see Lightning's Trainer.
        strategy: see Lightning's Trainer.
        workers: processes that draw batches; None for a number that depends on the device.
        threads: CPU threads of torch in each rank; None to share all cores.
        tensorboard: whether to write TensorBoard logs as well.
    """

    accelerator: str = "auto"
    devices: str = "auto"
    nodes: int = 1
    strategy: str = "auto"
    workers: int | None = None
    threads: int | None = None
    tensorboard: bool = False

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                **dict.fromkeys(("accelerator", "devices", "strategy"), checks.text()),
                "nodes": checks.positive(whole=True),
                "workers": checks.optional(checks.at_least(0, whole=True)),
                "threads": checks.optional(checks.positive(whole=True)),
                "tensorboard": checks.flag(),
            },
        )

    @property
    def on_gpu(self) -> bool:
        """Whether the run uses a GPU."""
        named = self.accelerator in ("gpu", "cuda", "mps")
        return named or (self.accelerator == "auto" and torch.cuda.is_available())

    def drawing_processes(self, ranks: int = 1) -> int:
        """Return the number of processes that draw batches for a rank; on a CPU, one is fast enough.

        Args:
            ranks: ranks on this machine, which share its cores.
        """
        if self.workers is not None:
            return self.workers
        spare = usable_cores() // ranks - 1
        return min(max(spare, 0), MOST_WORKERS if self.on_gpu else 1)

    def set_up_torch(self, ranks: int = 1) -> None:
        """Set the number of threads, and allow TF32 on GPUs.

        Args:
            ranks: ranks on this machine, which share its cores.
        """
        threads = self.threads or max(usable_cores() // ranks, 1)
        torch.set_num_threads(threads)
        if ranks > 1:  # otherwise Lightning would choose a number when it starts the other ranks
            os.environ.setdefault("OMP_NUM_THREADS", str(threads))
        if self.on_gpu:
            torch.set_float32_matmul_precision("high")


def make_trainer(
    machine: Machine, settings: TrainingSettings, folder: Path, callbacks: Sequence[lightning.Callback]
) -> lightning.Trainer:
    """Return a Lightning trainer, which leaves validation, checkpoints and progress to the callbacks.

    Args:
        machine: devices and processes.
        settings: settings of the run.
        folder: folder of the run.
        callbacks: callbacks of the run.

    Raises:
        TrainingError: if the machine has no such devices, or the batch cannot be divided among them.
    """
    try:
        trainer = lightning.Trainer(
            accelerator=machine.accelerator,
            devices=_devices(machine.devices),
            num_nodes=machine.nodes,
            strategy=machine.strategy,
            precision=settings.precision,
            max_steps=settings.steps,
            max_epochs=-1,
            gradient_clip_val=settings.clip_norm,
            callbacks=list(callbacks),
            logger=_loggers(machine, folder),
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            sync_batchnorm=machine.on_gpu,
            benchmark=machine.on_gpu,
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise TrainingError(f"cannot train on these devices: {' '.join(str(error).split())}") from error
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise TrainingError(
            f"strategy {machine.strategy} cannot be resumed or stopped in order; use --strategy ddp"
        )
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect() and (started := environment().world_size()) != trainer.world_size:
            raise TrainingError(
                f"{started} processes were started, but --devices and --num-nodes ask for "
                f"{trainer.world_size}; give the number of processes on each machine and of machines"
            )
    if settings.batch % trainer.world_size:
        raise TrainingError(
            f"batch ({settings.batch}) must be a multiple of the number of devices ({trainer.world_size})"
        )
    return trainer


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Suppress Lightning's tips, and warnings about conditions that are intended here."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning|torch")
        warnings.filterwarnings("ignore", message=r".*(resuming from a checkpoint|dataloader|DataLoader).*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _devices(text: str) -> int | str | list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.removeprefix("-").isdigit() for part in parts):
        return text
    return int(parts[0]) if len(parts) == 1 and "," not in text else [int(part) for part in parts]


def _loggers(machine: Machine, folder: Path) -> list[Logger]:
    if not machine.tensorboard:
        return []
    from lightning.pytorch.loggers import TensorBoardLogger

    try:
        return [TensorBoardLogger(folder, name="tensorboard", version="")]
    except ModuleNotFoundError as error:
        raise TrainingError(
            "logs for TensorBoard need the package 'tensorboard': install it with `pip install tensorboard`"
        ) from error
