"""Weights to begin with: of another run, or of a model file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from beattrack.errors import SettingsError
from beattrack.network.model import BeatNetwork
from beattrack.network.settings import NetworkSettings
from beattrack.runtime.files import sha256_of
from beattrack.training.folder.checkpoints import BEST, LAST, read_checkpoint
from beattrack.training.folder.manifest import read_manifest
from beattrack.training.folder.provenance import card_data, recipe, trained_on
from beattrack.training.settings import SETTINGS, read_settings


def load_start(name: str, network: BeatNetwork) -> dict[str, Tensor]:
    """Weights for a network from a run folder (its best averaged ones), a model file or a shipped model.

    Those of a narrower network are widened (`widen`). Raises SettingsError where they belong to a network of
    other settings, dropout and width aside, TrainingError or ModelError where they cannot be read.
    """
    if is_run(name):
        weights, theirs = _from_run(Path(name))
    else:
        from beattrack.network.torch_engine import load_torch
        from beattrack.registry import find

        restored, settings = load_torch(find(name).path)
        weights, theirs = restored.state_dict(), settings.network
    ours = network.settings
    narrower = theirs.tcn.channels < ours.tcn.channels and not ours.tcn.gated
    if _shape(theirs, width=not narrower) != _shape(ours, width=not narrower):
        raise SettingsError(
            f"the network of {name} has other settings than this run's: they must be the same, but for fewer "
            "channels"
        )
    return widen(weights, network) if narrower else weights


def widen(weights: Mapping[str, Tensor], network: BeatNetwork) -> dict[str, Tensor]:
    """Weights of a narrower network in those of `network`, so that its output stays what it was.

    New channels read all channels by the weights that `network` has, and no channel there was reads them: the
    zeros are where training begins to use them (after Chen, Goodfellow & Shlens, Net2Net, arXiv 1511.05641).
    """
    wide = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name, ours in wide.items():
        theirs = weights[name]
        # The 1x1 mix of a block reads its branches one after the other, each as wide as the stream.
        parts = 2 if name.endswith(".mix.weight") and network.settings.tcn.parallel_pair else 1
        if theirs.ndim > 1:
            outputs, inputs = len(theirs), theirs.shape[1] // parts
            view = ours.view(len(ours), parts, -1, *ours.shape[2:])
            view[:outputs] = 0.0
            view[:outputs, :, :inputs] = theirs.view(outputs, parts, inputs, *theirs.shape[2:])
        else:
            ours[: len(theirs)] = theirs
    return wide


def is_run(name: str) -> bool:
    """Whether a name to begin with is that of a run folder; a folder beside it may bear a model's name."""
    return (Path(name) / SETTINGS).is_file()


def describe_start(name: str) -> dict[str, Any]:
    """What the weights to begin with were made from: data, datasets whose scores are void, recipe."""
    if is_run(name):
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


def _shape(settings: NetworkSettings, *, width: bool) -> Any:
    """What must be equal for weights to mean the same, with or without the number of channels."""
    record = settings_dict(settings)
    for part in (record["front_end"], record["tcn"]):
        for name in ("dropout", "dropout_kind", *(() if width else ("channels",))):
            part.pop(name, None)
    return record


def settings_dict(settings: NetworkSettings) -> dict[str, Any]:
    """Give network settings as plain JSON values."""
    record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return record
