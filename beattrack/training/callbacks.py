"""Lightning callbacks of a run: validation, checkpoints, log and progress after each epoch, and signals."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import lightning
import torch

from beattrack.training import ranks
from beattrack.training.examples.data import Batch
from beattrack.training.folder.checkpoints import BEST, LAST, copy, save
from beattrack.training.folder.log import TrainingLog
from beattrack.training.folder.metrics import write_metrics
from beattrack.training.module import CHECK_EVERY, TrainingModule
from beattrack.training.progress import RunProgress
from beattrack.training.settings import TrainingSettings
from beattrack.training.validation import Validation


class Abandoned(BaseException):
    """A second signal arrived before the step ended."""


class Interruption(lightning.Callback):
    """Record the first SIGINT, SIGTERM or SIGHUP, so that the run can end in order after the current step.

    As a context manager, it restores the previous signal handlers at the end.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        numbers = [getattr(signal, name) for name in names]
        self._before = {number: signal.getsignal(number) for number in numbers}

    def __enter__(self) -> Interruption:
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            self._set(number, handler)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Replace the signal handlers, including those that Lightning has just set."""
        for number, handler in self._before.items():
            if handler != signal.SIG_IGN:  # set by nohup
                self._set(number, self._note)

    def is_agreed(self, device: torch.device) -> bool:
        """Return whether any rank received a signal; its number is then that of all ranks."""
        self.signal = ranks.highest(self.signal or 0, device) or None
        return self.signal is not None

    def _set(self, number: int, handler: Any) -> None:
        # Python allows this only in the main thread.
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        if self.signal is not None:
            raise Abandoned
        self.signal = number


class Milestones(lightning.Callback):
    """Validate, log and save checkpoints after every epoch, and stop the run when it is finished.

    The checkpoints include the best score and the time spent.
    """

    def __init__(
        self,
        folder: Path,
        settings: TrainingSettings,
        validation: Validation,
        interruption: Interruption,
        progress: RunProgress,
    ) -> None:
        self._folder, self._settings, self._validation = folder, settings, validation
        self._interruption, self._progress = interruption, progress
        self._log = TrainingLog(folder)
        self._clock = time.monotonic()
        self._step = 0
        self.seconds = self.waited = 0.0  # spent in training steps, and of that waiting for batches
        self.best_score, self.best_step, self.since_best = -1.0, 0, 0
        self.finished = False

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save in a checkpoint."""
        names = ("seconds", "waited", "best_score", "best_step", "since_best", "finished")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        for name, value in state_dict.items():
            setattr(self, name, value)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Remove rows of the log that are later than the checkpoint, and start the clock."""
        if trainer.is_global_zero:
            self._log.cut(trainer.global_step)
        self._clock = time.monotonic()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Add the time spent waiting for the batch."""
        self.waited += time.monotonic() - self._clock

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Validate, save or stop if this step calls for it."""
        step, settings = trainer.global_step, self._settings
        self._step = step
        now = time.monotonic()
        self.seconds += now - self._clock
        self._clock = now
        if not isinstance(pl_module, TrainingModule):
            raise TypeError(f"cannot validate a {type(pl_module).__name__}")
        if step % settings.steps_per_epoch == 0 or step == settings.steps:
            pl_module.check_weights()
            self._milestone(trainer, pl_module, step)
        elif self._stopping(pl_module, step):
            pl_module.check_weights()
            save(trainer, self._folder / LAST)
            trainer.should_stop = True
        self._progress.show(step, self.seconds)
        self._clock = time.monotonic()

    def _stopping(self, module: TrainingModule, step: int) -> bool:
        """Return whether any rank received a signal; asked rarely on GPUs, as the answer takes time."""
        rare = ranks.count() > 1 and module.device.type != "cpu"
        return not (rare and step % CHECK_EVERY) and self._interruption.is_agreed(module.device)

    def _milestone(self, trainer: lightning.Trainer, module: TrainingModule, step: int) -> None:
        training, report = module.mean_losses(), None
        if self._validation.is_due(step):
            if trainer.is_global_zero:
                report = self._validation.decode(module.averaged, str(module.device), step)
            self._take(trainer.strategy.broadcast(report.score if report else 0.0), step)
        self.finished = step == self._settings.steps or 0 < self._settings.patience <= self.since_best
        if trainer.is_global_zero:
            held_out = self._validation.losses(module)
            row = self._log.append(step, self.seconds, self.waited, training, held_out, report)
            self._progress.milestone(row)
            for logger in trainer.loggers:
                logger.log_metrics({name: value for name, value in row.items() if value is not None}, step)
        save(trainer, self._folder / LAST)
        if trainer.is_global_zero:
            if self.best_step in (step, 0):
                copy(self._folder / LAST, self._folder / BEST)
            if report is not None:
                write_metrics(self._folder, report, self.summary())
        trainer.should_stop = self.finished or self._interruption.is_agreed(module.device)

    def summary(self) -> dict[str, Any]:
        """Return the part of metrics.json about the run itself."""
        return {
            "finished": self.finished,
            "best_step": self.best_step,
            "best_score": round(self.best_score, 4),
            "audio_seconds_per_second": round(self._progress.audio * self._step / max(self.seconds, 1e-9), 1),
            "training_seconds": round(self.seconds, 1),
            "waiting_share": round(self.waited / max(self.seconds, 1e-9), 4),
        }

    def _take(self, score: float, step: int) -> None:
        """Update the best score; of equal scores, the earlier one counts."""
        if score > self.best_score:
            self.best_score, self.best_step, self.since_best = score, step, 0
        else:
            self.since_best += 1
