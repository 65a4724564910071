"""The results of a run: metrics.json and validation.csv."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beattrack.runtime.files import atomic_write_text
from beattrack.training.folder.report import Report

METRICS, SONGS = "metrics.json", "validation.csv"


def write_metrics(folder: Path, report: Report, summary: Mapping[str, Any]) -> None:
    """Write what a decoding told: of excerpts under `latest`, of all songs in full under `final`."""
    record = {**read_metrics(folder), **summary}
    record["final" if report.complete else "latest"] = report.to_dict()
    atomic_write_text(folder / METRICS, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    atomic_write_text(folder / SONGS, report.to_csv())


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read metrics.json; empty where there is none, or none that can be read."""
    try:
        record = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
