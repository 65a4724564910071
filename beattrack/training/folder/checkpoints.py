"""Checkpoints of a run: written whole or not at all, and read without executing code in them."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import lightning
import torch

from beattrack.runtime.files import atomic_path
from beattrack.training.errors import TrainingError

LAST, BEST = "last.ckpt", "best.ckpt"


def save(trainer: lightning.Trainer, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")  # all processes must give the same name
    trainer.save_checkpoint(temporary)
    if trainer.is_global_zero:
        os.replace(temporary, path)


def copy(source: Path, target: Path) -> None:
    """Write a copy of a file, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(source.read_bytes())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, without executing code in it.

    Raises:
        TrainingError: if the file is not a checkpoint of a run.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles, which are then rejected
            record: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:100]
        raise TrainingError(f"{path}: cannot be read as a checkpoint ({why})") from error
    if not isinstance(record, dict) or not {"average", "global_step", "callbacks"} <= record.keys():
        raise TrainingError(f"{path}: is not a checkpoint of a training run")
    return record


def is_finished(checkpoint: dict[str, Any]) -> bool:
    """Return whether a checkpoint is from a finished run."""
    return any(state.get("finished", False) for state in checkpoint["callbacks"].values())
