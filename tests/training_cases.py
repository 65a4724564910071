"""A small run for tests of training: eleven songs with a pulse, a small network, a few steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from beattrack.datasets.pack import load_pack
from beattrack.datasets.songs import Quantisation, Song
from beattrack.training.examples.sampling import Split, split_songs
from beattrack.training.settings import TrainingSettings, read_settings
from tests.example_pack import write_pack

PACK = "pack:example"

SMALL: Mapping[str, Any] = {
    "dataset": [{"name": PACK}],
    "steps": 6,
    "steps_per_epoch": 2,
    "batch": 4,
    "warm_up": 5,
    "learning_rate": 2e-2,
    "average_decay": 0.9,
    "validation.batches": 1,
    "validation.decode_seconds": 8.0,
    "crop.frames": 400,
    "network.harmony": False,
    "network.front_end.channels": 8,
    "network.tcn.channels": 8,
    "network.tcn.dilations": [1, 2, 4, 8, 16],
}


def song(**facts: Any) -> Song:
    """A song in 4/4 at 120 BPM, all of one level; `facts` are fields of Song, or its `seconds`."""
    seconds = facts.pop("seconds", 8)
    beats = np.arange(0, seconds, 0.5)
    fields = {
        "id": "1",
        "source": "test",
        "genre": "",
        "group": "1",
        "licence": "CC0",
        "downbeats": "yes",
        "levels": np.full((100 * seconds, 73), 20, np.uint8),
        "quantisation": Quantisation(step_db=3, floor_db=-80),
        "fps": 100,
        "beats": beats,
        "positions": np.arange(len(beats)) % 4 + 1,
    }
    return Song(**{**fields, **facts})


def small(**changes: Any) -> TrainingSettings:
    """The settings; a change of `validation.decode_every` is written `validation__decode_every`."""
    overrides = {name.replace("__", "."): value for name, value in changes.items()}
    return read_settings(None, list({**SMALL, **overrides}.items()))


def example_split(folder: Path, settings: TrainingSettings) -> Split:
    write_pack(folder, songs=11, seconds=20)
    return split_songs({PACK: load_pack(folder)}, {PACK: 1.0}, settings.validation)
