"""Turn results of `beattrack eval --json` into the `metrics` of a model card.

    beattrack eval --dataset gtzan --json ours.json
    beattrack eval --dataset gtzan --predictions PEER --suffix .downbeats.txt --name "peer" --json peer.json
    python recipes/scores.py ours.json peer.json > scores.json

`beattrack export RUN --scores scores.json` writes them to the card.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

CONTINUITY = {"f": "f_measure", "cmlt": "cmlt", "amlt": "amlt"}


def means(summary: dict[str, Any], prefix: str, keys: dict[str, str]) -> dict[str, float] | None:
    """Return the means of a group of metrics by the card's names; None if they were not measured."""
    found = {name: summary["means"].get(f"{prefix}.{key}") for name, key in keys.items()}
    if any(value is None or value["mean"] is None for value in found.values()):
        return None
    return {name: round(value["mean"], 4) for name, value in found.items() if value}


def card_score(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as an entry of a card's `metrics`."""
    summary = result["summary"]
    return {
        "dataset": result["dataset"],
        "files": summary["files"],
        "trim_s": result["settings"]["trim_s"],
        "system": result["name"],
        "beats": means(summary, "beats", CONTINUITY),
        "downbeats": means(summary, "downbeats", CONTINUITY),
        "tempo": means(summary, "tempo", {"acc1": "acc1", "acc2": "acc2"}),
        "per_genre": {
            genre: {group: means(part, group, CONTINUITY) for group in ("beats", "downbeats")}
            for genre, part in result["genres"].items()
        },
    }


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(results: tuple[Path, ...]) -> None:
    """Print the metrics of all RESULTS."""
    scores = [card_score(json.loads(path.read_text(encoding="utf-8"))) for path in results]
    json.dump(scores, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
