"""The manifest of a run: data, versions, command."""

from __future__ import annotations

import json
import platform
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from beattrack.training.errors import TrainingError
from beattrack.training.examples.sampling import Pool, Split
from beattrack.training.settings import TrainingSettings
from beattrack.version import __version__

MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises:
        TrainingError: if it cannot be read.
    """
    path = folder / MANIFEST
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read ({error})") from error
    if not isinstance(record, dict) or not {"command", "data", "training_songs"} <= record.keys():
        raise TrainingError(f"{path}: is not the manifest of a training run")
    return record


def make_manifest(
    split: Split, settings: TrainingSettings, command: str, start: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the manifest of a run as JSON values.

    Args:
        split: songs of the run.
        settings: settings of the run.
        command: command of the run.
        start: description of the initial weights, from `describe_start`; None for random ones.
    """
    import lightning

    return {
        "beattrack": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": lightning.__version__,
        "numpy": np.__version__,
        "commit": commit(),
        "command": command,
        "seed": settings.seed,
        "start": start,
        "data": data_sources(split.training),
        "validation_data": data_sources(split.validation),
        "training_songs": song_names(split.training),
        "validation_songs": song_names(split.validation),
    }


def data_sources(pool: Pool) -> list[dict[str, Any]]:
    """Return songs, hours and share of the crops for each source and licence."""
    hours: dict[tuple[str, str, str], float] = defaultdict(float)
    chances: dict[tuple[str, str, str], float] = defaultdict(float)
    songs: Counter[tuple[str, str, str]] = Counter()
    for dataset, song, chance in zip(pool.datasets, pool.songs, pool.chances, strict=True):
        key = (dataset, song.source, song.licence)
        hours[key] += song.seconds / 3600
        chances[key] += float(chance)
        songs[key] += 1
    return [
        {
            "dataset": key[0],
            "source": key[1],
            "licence": key[2],
            "songs": songs[key],
            "hours": round(hours[key], 3),
            "share": round(chances[key], 4),
        }
        for key in sorted(hours)
    ]


def song_names(pool: Pool) -> list[str]:
    """Return the songs of a pool as `source/id`."""
    return [f"{song.source}/{song.id}" for song in pool.songs]


def commit() -> str | None:
    """Return the commit of the source checkout, with a + if files differ from it; None outside a checkout."""
    describe = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(describe, capture_output=True, text=True, check=True, cwd=root)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
