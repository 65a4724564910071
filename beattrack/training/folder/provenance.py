"""What a model was made from, its start included: data, datasets whose scores are void, commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beattrack.training.examples.sampling import GTZAN

SOURCES = {"pack": "feature pack", "rendered": "beattrack render", "folder": "folder of recordings"}

_FOLDERS = re.compile(r"(?<![\w.~-])~?/(?:[^\s/'\"@]+/)*")


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


def _known_as(dataset: str) -> str:
    """Name of a dataset in results of `beattrack eval`: of a folder, only the last part of its path."""
    kind, colon, path = dataset.partition(":")
    return f"{kind}:{Path(path).resolve().name}" if colon else dataset
