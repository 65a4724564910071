"""Mean scores of the held-out songs of a cross-validation, over all folds and for each genre.

python recipes/folds.py RUN...
"""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

COLUMNS = (
    "beats_f",
    "beats_cmlt",
    "beats_amlt",
    "downbeats_f",
    "downbeats_cmlt",
    "downbeats_amlt",
    "acc1",
    "acc2",
)

Rows = list[dict[str, str]]


def read(runs: list[Path]) -> Rows:
    """Read the rows of all runs' validation.csv; exit if a run is unfinished or a song is held out twice."""
    rows: Rows = []
    for run in runs:
        try:
            finished = "final" in json.loads((run / "metrics.json").read_text(encoding="utf-8"))
            with (run / "validation.csv").open(newline="", encoding="utf-8") as file:
                rows += csv.DictReader(file)
        except OSError as error:
            raise SystemExit(f"folds.py: {error.filename}: {error.strerror}") from error
        if not finished:
            raise SystemExit(f"folds.py: {run}: the run is not finished; run its command again")
    names = [(row["source"], row["id"]) for row in rows]
    if len(set(names)) < len(names):
        raise SystemExit("folds.py: a song is held out in two runs; give the runs of one cross-validation")
    return rows


def table(rows: Rows) -> str:
    """Return the means of all songs and of each genre as a Markdown table."""
    genres: dict[str, Rows] = defaultdict(list)
    for row in rows:
        genres[row["genre"] or "unknown"].append(row)
    lines = ["| | songs | " + " | ".join(COLUMNS) + " |", "|---|" + "--:|" * (len(COLUMNS) + 1)]
    for name, group in [("all", rows), *sorted(genres.items())]:
        cells = []
        for column in COLUMNS:
            values = [float(row[column]) for row in group if row[column]]
            cells.append(f"{sum(values) / len(values):.3f}" if values else "")
        lines.append(f"| {name} | {len(group)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    print(table(read([Path(name) for name in sys.argv[1:]])))
