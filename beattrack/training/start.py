"""Weights to begin with: of another run, or of a model file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from beattrack.errors import SettingsError
from beattrack.files import sha256_of
from beattrack.network.settings import NetworkSettings
from beattrack.training.checkpoints import BEST, LAST, read_checkpoint
from beattrack.training.settings import SETTINGS, read_settings


def load_start(name: str, network: NetworkSettings) -> dict[str, Tensor]:
    """Averaged weights of a run folder (its best ones), or those of a model file or shipped model.

    Raises SettingsError where they belong to a network of other settings, dropout aside, TrainingError or
    ModelError where they cannot be read.
    """
    if Path(name).is_dir():
        weights, theirs = _from_run(Path(name))
    else:
        from beattrack.network.restore import load_torch
        from beattrack.registry import find

        restored, settings = load_torch(find(name).path)
        weights, theirs = restored.state_dict(), settings.network
    if _shape(theirs) != _shape(network):
        raise SettingsError(
            f"the network of {name} has other settings than this run's: they must be the same"
        )
    return weights


def describe_start(name: str) -> dict[str, Any]:
    """What the weights to begin with were made from: data, datasets whose scores are void, recipe."""
    if Path(name).is_dir():
        from beattrack.training.card import card_data, recipe, trained_on
        from beattrack.training.manifest import read_manifest

        manifest = read_manifest(Path(name))
        return {
            "name": Path(name).name,
            "data": card_data(manifest),
            "trained_on_datasets": trained_on(manifest),
            "recipe": recipe(manifest),
        }
    from beattrack.registry import find

    model = find(name)
    record: dict[str, Any] = {"name": model.name, "sha256": sha256_of(model.path)}
    if model.card is not None:
        card = model.card.to_dict()
        record |= {key: card[key] for key in ("data", "trained_on_datasets", "recipe")}
    return record


def _from_run(folder: Path) -> tuple[dict[str, Tensor], NetworkSettings]:
    path = folder / BEST
    record = read_checkpoint(path if path.exists() else folder / LAST)
    return record["average"], read_settings(folder / SETTINGS).network


def _shape(settings: NetworkSettings) -> Any:
    """What must be equal for weights to mean the same."""
    record = settings_dict(settings)
    for part in (record["front_end"], record["tcn"]):
        part.pop("dropout", None)
        part.pop("dropout_kind", None)
    return record


def settings_dict(settings: NetworkSettings) -> dict[str, Any]:
    """Give network settings as plain JSON values."""
    record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return record
