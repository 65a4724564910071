"""Initial weights from another run or a model file."""

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
    """Read the initial weights of a network.

    Args:
        name: run folder, of which the best averaged weights are used, model file or name of a shipped model.
        network: network to start. If it has more channels, the weights are widened (see `widen`).

    Returns:
        Weights by name.

    Raises:
        SettingsError: if the weights are from a network whose settings differ in more than dropout, width and
            causality.
        TrainingError: if the run cannot be read.
        ModelError: if the model cannot be read.
    """
    if is_run(name):
        weights, theirs = _from_run(Path(name))
    else:
        from beattrack.network.torch_engine import load_torch
        from beattrack.registry import find

        restored, settings = load_torch(find(name).path)
        weights, theirs = restored.state_dict(), settings.network
    ours = network.settings
    if not ours.tempo_bins:
        weights = {key: tensor for key, tensor in weights.items() if not key.startswith("heads.tempo.")}
    narrower = _can_widen(ours) and theirs.tcn is not None and theirs.output_channels < ours.output_channels
    same_tempo = ours.tempo_bins in (0, theirs.tempo_bins)
    if not same_tempo or _shape(theirs, width=not narrower) != _shape(ours, width=not narrower):
        raise SettingsError(
            f"{name}: its network has other settings than this run; only dropout and causality may differ, "
            "and it may have fewer channels"
        )
    return widen(weights, network) if narrower else weights


def _can_widen(settings: NetworkSettings) -> bool:
    # With a harmony path, the channels of two parts lie side by side: widening would mix them up. So would it
    # mix up the gates of gated and recurrent networks. Layer norm would take new channels into its mean.
    tcn = settings.tcn
    return tcn is not None and not tcn.gated and tcn.norm != "layer" and settings.harmony is None


def widen(weights: Mapping[str, Tensor], network: BeatNetwork) -> dict[str, Tensor]:
    """Return weights for a network with more channels that gives the same output.

    New channels read all channels, with the initial weights of `network`. Existing channels read new ones
    with weights of zero, which training can change.

    Args:
        weights: weights of the narrower network, by name.
        network: network with more channels and its initial weights.

    After Chen, Goodfellow & Shlens (Net2Net), arXiv 1511.05641.
    """
    tcn = network.settings.tcn
    wide = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name, ours in wide.items():
        theirs = weights[name]
        # The 1x1 convolution of a block reads its branches in turn, each with the channels of the stream.
        parts = 2 if name.endswith(".mix.weight") and tcn is not None and tcn.parallel_pair else 1
        if theirs.ndim > 1:
            outputs, inputs = len(theirs), theirs.shape[1] // parts
            view = ours.view(len(ours), parts, -1, *ours.shape[2:])
            view[:outputs] = 0.0
            view[:outputs, :, :inputs] = theirs.view(outputs, parts, inputs, *theirs.shape[2:])
        elif theirs.ndim:
            ours[: len(theirs)] = theirs
        else:  # a counter of batch norm
            ours.copy_(theirs)
    return wide


def is_run(name: str) -> bool:
    """Return whether `name` is the folder of a run; other folders may have the name of a model."""
    return (Path(name) / SETTINGS).is_file()


def describe_start(name: str) -> dict[str, Any]:
    """Return what initial weights were made from, for the manifest: data, datasets and recipe.

    Args:
        name: run folder, model file or name of a shipped model.
    """
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
    """Return the settings that must be equal for weights to fit, with or without the number of channels."""
    record = settings_dict(settings)
    for part in ("front_end", "tcn", "harmony", "recurrent"):
        for name in ("dropout", "dropout_kind", "causal", "delay"):
            (record[part] or {}).pop(name, None)
    for name in ("look_ahead", "tempo_bins"):
        del record[name]
    if not width:
        del record["front_end"]["channels"], record["tcn"]["channels"]
    return record


def settings_dict(settings: NetworkSettings) -> dict[str, Any]:
    """Return network settings as JSON values."""
    record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return record
