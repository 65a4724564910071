"""The data, datasets and commands from which a model was made, including those of its initial weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beattrack.training.examples.sampling import GTZAN

SOURCES = {"pack": "feature pack", "rendered": "beattrack render", "folder": "folder of recordings"}

_FOLDERS = re.compile(r"(?<![\w.~-])~?/(?:[^\s/'\"@]+/)*")


def card_data(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the `data` of a model card: hours of each source and licence, including the initial weights'."""
    hours: dict[tuple[str, str, str], float] = {}
    for row in manifest["data"]:
        kind = row["dataset"].partition(":")[0]
        key = (row["source"], row["licence"], SOURCES.get(kind, kind))
        hours[key] = hours.get(key, 0.0) + row["hours"]
    for row in (manifest.get("start") or {}).get("data", ()):
        key = (row["name"], row["licence"], row["source"])
        hours[key] = max(hours.get(key, 0.0), row["hours"])  # mostly the same songs, so not added
    return [
        {"name": name, "hours": round(value, 2), "licence": licence, "source": source}
        for (name, licence, source), value in sorted(hours.items())
    ]


def trained_on(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of the datasets used in training, as `beattrack eval --dataset` uses them."""
    # A pack may hold songs of any dataset, which keep their source.
    names = {
        row["source"] if row["dataset"].startswith("pack:") else _known_as(row["dataset"])
        for row in manifest["data"]
    }
    names |= {row["source"] for row in manifest["data"]}.intersection(GTZAN)
    return sorted(names.union((manifest.get("start") or {}).get("trained_on_datasets", ())))


def recipe(manifest: Mapping[str, Any]) -> str:
    """Return the command of a run, after those of its initial weights, without paths of folders."""
    command = _FOLDERS.sub("", manifest["command"])
    before = (manifest.get("start") or {}).get("recipe")
    return f"{before}; then {command}" if before else command


def _known_as(dataset: str) -> str:
    """Return the name of a dataset in results of `beattrack eval`, for a folder the last part of its path."""
    kind, colon, path = dataset.partition(":")
    return f"{kind}:{Path(path).resolve().name}" if colon else dataset
