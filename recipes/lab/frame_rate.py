"""Augmentation by changed frame rate: the same folds with and without it.

    python recipes/lab/frame_rate.py                       a small synthesised corpus, minutes
    python recipes/lab/frame_rate.py --full --dataset ...  the published table

A spectrogram read at another frame rate is the same music at another tempo. Without it, a network learns the
tempi of its training songs only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from experiments import figure, save_plot, tidy
from runs import Lab, Variant, changes, run, songs_of, training_experiment, write_rows

from beattrack.plot.draw import BEAT, DOWNBEAT, SOFT

FOLDS = 4
SMALL_FOLDS, FULL_FOLDS = (0,), (0, 1)
WITHOUT: Mapping[str, Any] = {"crop.tempo_pull": 0.0, "crop.tempo_jitter": 0.0}
# One tempo factor for each crop, log-normal, within limits; as in the tutorial of ISMIR 2021, but wider.
WITH: Mapping[str, Any] = {"crop.tempo_pull": 0.0, "crop.tempo_jitter": 0.15, "crop.tempo_factor": [0.7, 1.4]}
SHOWN = (("beats_f", "beats F"), ("beats_cmlt", "beats CMLt"), ("downbeats_f", "downbeats F"))


def variants(fold: int) -> tuple[Variant, Variant]:
    """Return the runs of a fold: without and with augmentation."""
    split = {"validation.folds": FOLDS, "validation.fold": fold}
    return (
        Variant(
            name=f"fold{fold}-without",
            settings={**split, **WITHOUT},
            about={"fold": fold, "augmented": False},
        ),
        Variant(name=f"fold{fold}-with", settings={**split, **WITH}, about={"fold": fold, "augmented": True}),
    )


@training_experiment
def frame_rate(lab: Lab) -> None:
    """Train on the same folds with and without changed frame rates, and compare."""
    songs, rows = songs_of(lab), []
    for fold in FULL_FOLDS if lab.full else SMALL_FOLDS:
        pair = variants(fold)
        base = lab.runs / pair[0].name
        measures = [measure for measure, _ in SHOWN]
        rows += [row | changes(lab.runs / row["name"], base, measures) for row in run(lab, pair, songs)]
    write_rows(lab, rows)
    _plot(lab, rows)


def _plot(lab: Lab, rows: Sequence[dict[str, Any]]) -> None:
    drawing = figure(3.6)
    axes = drawing.subplots()
    places = np.arange(len(SHOWN))
    for shift, augmented, colour in ((-0.2, False, SOFT), (0.2, True, BEAT)):
        chosen = [row for row in rows if row["augmented"] is augmented]
        means = [float(np.mean([row[measure] for row in chosen])) for measure, _ in SHOWN]
        label = "with changed frame rates" if augmented else "without"
        axes.bar(places + shift, means, 0.36, color=colour, label=label)
        for row in chosen:
            axes.plot(places + shift, [row[measure] for measure, _ in SHOWN], ".", color=DOWNBEAT)
        for place, mean in zip(places + shift, means, strict=True):
            axes.annotate(f"{mean:.3f}", (place, 0.02), ha="center", va="bottom", fontsize=9, color="w")
    axes.set_axisbelow(True)
    axes.set(ylabel="mean over the held-out songs", ylim=(0, 1))
    axes.set_xticks(places, [label for _, label in SHOWN])
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    tidy(axes)
    save_plot(drawing, lab.path(".png"))


if __name__ == "__main__":
    frame_rate()
