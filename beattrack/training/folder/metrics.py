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
    """Write the scores of decoded songs to metrics.json and validation.csv.

    Args:
        folder: folder of the run.
        report: scores, written as `final` if all songs were decoded in full, otherwise as `latest`.
        summary: further entries of metrics.json.
    """
    record = {**read_metrics(folder), **summary}
    record["final" if report.complete else "latest"] = report.to_dict()
    atomic_write_text(folder / METRICS, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    atomic_write_text(folder / SONGS, report.to_csv())


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read metrics.json; the result is empty if there is no readable one."""
    try:
        record = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
