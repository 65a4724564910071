"""From a finished or interrupted run to a model file with its card."""

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
from beattrack.training.examples.sampling import GTZAN
from beattrack.training.folder.checkpoints import BEST, LAST, read_checkpoint
from beattrack.training.folder.manifest import MANIFEST, read_manifest
from beattrack.training.folder.metrics import METRICS, read_metrics
from beattrack.training.settings import SETTINGS, read_settings

PARITY_FRAMES = 3000
SOURCES = {"pack": "feature pack", "rendered": "beattrack render", "folder": "folder of recordings"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FOLDERS = re.compile(r"(?<![\w.~-])~?/(?:[^\s/'\"@]+/)*")


@dataclass(frozen=True)
class Exported:
    """The file that was written, its card, the step of its weights, and how far it is from torch at most."""

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
    """Write `folder`/`name`.onnx with the averaged weights of a run, and its card beside it.

    scores: entries of the card's `metrics`, as `recipes/scores.py` gives them.
    Raises TrainingError where `run` is no run that has reached its first checkpoint or the name is no file's,
    ModelError where ONNX Runtime does not agree with torch or the scores break the schema.
    """
    if not _NAME.fullmatch(name):
        raise TrainingError(f"{name!r} cannot be a model's name: use letters, digits, dots, - and _")
    if not (run / SETTINGS).is_file():
        raise TrainingError(f"{run}: holds no training run (it has no {SETTINGS})")
    settings, manifest = read_settings(run / SETTINGS), read_manifest(run)
    record = read_checkpoint(run / (BEST if checkpoint == "best" else LAST))
    network = BeatNetwork(settings.network)
    try:
        network.load_state_dict(record["average"])
    except RuntimeError as error:
        raise TrainingError(f"{run}: the weights do not fit {SETTINGS}") from error
    path = folder / f"{name}.onnx"
    if path.with_suffix(".json").name in (SETTINGS, MANIFEST, METRICS):
        raise TrainingError(f"{name!r} cannot be a model's name: {name}.json is a file of a run")
    # The network runs on the spectrogram of the library, which is the one that all songs were analysed with.
    model_settings = ModelSettings.of(settings.network)
    # Read before anything is written, so that what is wrong with the scores leaves no file without its card.
    card = ModelCard.from_dict(
        {
            "schema_version": 1,
            "name": name,
            "description": description or _description(network, manifest),
            "file": path.name,
            "sha256": "0" * 64,
            "licence": licence,
            "data": card_data(manifest),
            "trained_on_datasets": trained_on(manifest),
            "parameters": network.parameter_count(),
            "receptive_field_frames": settings.network.receptive_field,
            "fps": model_settings.spectrogram.fps,
            "seed": settings.seed,
            "commit": manifest.get("commit") or "unknown",
            "recipe": recipe(manifest),
            "date": datetime.date.today().isoformat(),
            "metrics": [*held_out_scores(run, int(record["global_step"])), *scores],
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    export_onnx(network.eval(), model_settings, path)
    card = replace(card, sha256=sha256_of(path))
    text = json.dumps(card.to_dict(), indent=1, ensure_ascii=False)
    atomic_write_text(path.with_suffix(".json"), text + "\n")
    difference = parity(network, path, frames=PARITY_FRAMES, seed=1)
    return Exported(path, card, int(record["global_step"]), difference)


def card_data(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Hours of each source and licence, of the run that it started from too, as a card lists them."""
    hours: dict[tuple[str, str, str], float] = {}
    for row in manifest["data"]:
        kind = row["dataset"].partition(":")[0]
        key = (row["source"], row["licence"], SOURCES.get(kind, kind))
        hours[key] = hours.get(key, 0.0) + row["hours"]
    for row in (manifest.get("start") or {}).get("data", ()):
        key = (row["name"], row["licence"], row["source"])
        hours[key] = max(hours.get(key, 0.0), row["hours"])  # mostly the same songs, counted once
    return [
        {"name": name, "hours": round(value, 2), "licence": licence, "source": source}
        for (name, licence, source), value in sorted(hours.items())
    ]


def trained_on(manifest: Mapping[str, Any]) -> list[str]:
    """Names of datasets that were seen in training, as `beattrack eval --dataset` knows them."""
    # A pack counts as what it was made of: it may hold songs of any dataset, which keep their source.
    names = {
        row["source"] if row["dataset"].startswith("pack:") else _known_as(row["dataset"])
        for row in manifest["data"]
    }
    names |= {row["source"] for row in manifest["data"]}.intersection(GTZAN)
    return sorted(names.union((manifest.get("start") or {}).get("trained_on_datasets", ())))


def recipe(manifest: Mapping[str, Any]) -> str:
    """The command that repeats the run, after that of the run it started from; folders' paths left out."""
    command = _FOLDERS.sub("", manifest["command"])
    before = (manifest.get("start") or {}).get("recipe")
    return f"{before}; then {command}" if before else command


def held_out_scores(run: Path, step: int) -> list[dict[str, Any]]:
    """The final validation as an entry of a card's `metrics`; none where other weights were decoded."""
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
    return f"A TCN of {size} parameters, trained on {', '.join(names)}."


def _known_as(dataset: str) -> str:
    """Name of a dataset in results of `beattrack eval`: of a folder, only the last part of its path."""
    kind, colon, path = dataset.partition(":")
    return f"{kind}:{Path(path).resolve().name}" if colon else dataset
