#!/usr/bin/env python
"""Compare training runs on the held-out songs they share.

    python recipes/compare.py runs/base runs/other [runs/...]

Prints the mean scores of each run. For all but the first, prints the mean difference from the first, song by
song, with its 95 % bootstrap interval. Reads `validation.csv` in the folders of finished runs.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

MEASURES = ("beats_f", "beats_cmlt", "beats_amlt", "downbeats_f", "downbeats_cmlt", "acc1")
RESAMPLES = 2000

Scores = dict[tuple[str, str], dict[str, float]]


def read(run: Path) -> Scores:
    """Return the scores of each song by source and id; measures without a value are left out."""
    with (run / "validation.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["source"], row["id"]): {name: float(row[name]) for name in MEASURES if row[name]}
            for row in csv.DictReader(file)
        }


def values(scores: Scores, songs: list[tuple[str, str]], measure: str) -> dict[tuple[str, str], float]:
    """Return one measure of those songs that have it."""
    return {song: scores[song][measure] for song in songs if measure in scores[song]}


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of (songs,) differences."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def main(runs: list[Path]) -> None:
    """Print the comparison."""
    scores = [read(run) for run in runs]
    songs = sorted(set.intersection(*(set(one) for one in scores)))
    print(f"{len(songs)} held-out songs in common")
    for run, ours in zip(runs, scores, strict=True):
        print(f"\n{run.name}")
        for measure in MEASURES:
            mine, base = values(ours, songs, measure), values(scores[0], songs, measure)
            if not mine:
                continue
            line = f"  {measure:14} {np.mean(list(mine.values())):.3f}"
            differences = np.array([mine[song] - base[song] for song in mine if song in base])
            if ours is not scores[0] and len(differences):
                low, high = interval(differences)
                line += f"  {differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"
            print(line)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit((__doc__ or "").split("\n\n")[1].strip())
    main([Path(name) for name in sys.argv[1:]])
