"""Export of a run, finished or not, to a model file with its card."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from beattrack.network.export import export_onnx, parity
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings
from beattrack.registry import ModelCard
from beattrack.runtime.files import atomic_write_text, sha256_of
from beattrack.training.errors import TrainingError
from beattrack.training.folder.checkpoints import BEST, LAST, read_checkpoint
from beattrack.training.folder.manifest import MANIFEST, read_manifest
from beattrack.training.folder.metrics import METRICS, read_metrics
from beattrack.training.folder.provenance import card_data, recipe, trained_on
from beattrack.training.settings import SETTINGS, TrainingSettings, read_settings

PARITY_FRAMES = 3000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Exported:
    """A model file that was written.

    Attributes:
        path: the file.
        card: its card.
        step: step of its weights.
        difference: largest difference of any probability from torch.
    """

    path: Path
    card: ModelCard
    step: int
    difference: float


def export_run(
    run: Path,
    folder: Path,
    *,
    name: str,
    description: str | None = None,
    checkpoint: Literal["best", "last"] = "best",
    licence: str = "MIT",
    scores: Sequence[Mapping[str, Any]] = (),
) -> Exported:
    """Write the averaged weights of a run as `name`.onnx, and the card of the model as `name`.json.

    Args:
        run: folder of the run.
        folder: folder to write to; created if needed.
        name: name of the model.
        description: description for the card; None for a generated one.
        checkpoint: checkpoint to export.
        licence: licence of the model.
        scores: entries of the card's `metrics`, as written by `recipes/scores.py`.

    Raises:
        TrainingError: if `run` holds no run with a checkpoint, or `name` cannot be used.
        ModelError: if ONNX Runtime does not agree with torch, or the scores do not follow the schema.
    """
    _check_name(name)
    settings, manifest, network, step = _read_run(run, BEST if checkpoint == "best" else LAST)
    # All songs are analysed with the default settings of the spectrogram.
    model_settings = ModelSettings.of(settings.network)
    path = folder / f"{name}.onnx"
    # Make the card first, so that invalid scores do not leave a model without a card.
    card = ModelCard.from_dict(
        {
            **_about_training(settings, manifest, network),
            "schema_version": 1,
            "name": name,
            "description": description or _description(network, manifest),
            "file": path.name,
            "sha256": "0" * 64,
            "licence": licence,
            "fps": model_settings.spectrogram.fps,
            "date": datetime.date.today().isoformat(),
            "metrics": [*held_out_scores(run, step), *scores],
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    export_onnx(network, model_settings, path)
    card = replace(card, sha256=sha256_of(path))
    text = json.dumps(card.to_dict(), indent=1, ensure_ascii=False)
    atomic_write_text(path.with_suffix(".json"), text + "\n")
    difference = parity(network, path, frames=PARITY_FRAMES, seed=1)
    return Exported(path, card, step, difference)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise TrainingError(f"{name!r} cannot be a model's name; use letters, digits, dots, - and _")
    if f"{name}.json" in (SETTINGS, MANIFEST, METRICS):
        raise TrainingError(f"{name!r} cannot be a model's name, because {name}.json is a file of a run")


def _read_run(run: Path, checkpoint: str) -> tuple[TrainingSettings, dict[str, Any], BeatNetwork, int]:
    """Return the settings, the manifest, the network in evaluation mode and the step of its weights."""
    if not (run / SETTINGS).is_file():
        raise TrainingError(f"{run}: holds no training run (it has no {SETTINGS})")
    settings, manifest = read_settings(run / SETTINGS), read_manifest(run)
    record = read_checkpoint(run / checkpoint)
    network = BeatNetwork(settings.network)
    try:
        network.load_state_dict(record["average"])
    except RuntimeError as error:
        raise TrainingError(f"{run}: the weights do not match {SETTINGS}") from error
    return settings, manifest, network.eval(), int(record["global_step"])


def _about_training(
    settings: TrainingSettings, manifest: Mapping[str, Any], network: BeatNetwork
) -> dict[str, Any]:
    return {
        "data": card_data(manifest),
        "trained_on_datasets": trained_on(manifest),
        "parameters": network.parameter_count(),
        "receptive_field_frames": settings.network.receptive_field,
        "seed": settings.seed,
        "commit": manifest.get("commit") or "unknown",
        "recipe": recipe(manifest),
    }


def held_out_scores(run: Path, step: int) -> list[dict[str, Any]]:
    """Return the final validation as an entry of a card's `metrics`.

    Args:
        run: folder of the run.
        step: step of the exported weights.

    Returns:
        A list of one entry; empty if the validation is of other weights or there is none.
    """
    final = read_metrics(run).get("final")
    if not isinstance(final, dict) or final["step"] != step:
        return []
    means = final["all"]

    def group(prefix: str) -> dict[str, float] | None:
        found = {name: means.get(f"{prefix}_{name}") for name in ("f", "cmlt", "amlt")}
        return (
            None
            if None in found.values()
            else {name: value for name, value in found.items() if value is not None}
        )

    if (beats := group("beats")) is None:
        return []
    return [
        {
            "dataset": "held-out songs",
            "files": final["songs"],
            "trim_s": 0.0,
            "system": "dbn with its defaults",
            "beats": beats,
            "downbeats": group("downbeats"),
            "tempo": {name: means[name] for name in ("acc1", "acc2")} if "acc1" in means else None,
        }
    ]


def _description(network: BeatNetwork, manifest: Mapping[str, Any]) -> str:
    names = sorted({row["source"] for row in manifest["data"]})
    size = network.parameter_count()
    return f"A {network.settings.body} of {size} parameters, trained on {', '.join(names)}."
