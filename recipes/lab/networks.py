"""Networks of every kind with the same number of parameters, on the same data.

    python recipes/lab/networks.py                       a small synthesised corpus, minutes
    python recipes/lab/networks.py --full --dataset ...  the published table

All of them read the same spectrogram and have the same heads; see docs/networks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from experiments import COLOURS, NAMES, figure, read_table, save_plot, tidy
from runs import MEASURES, Lab, Variant, changes, run, schedule, training_experiment, write_rows

from beattrack.network.networks import network_settings
from beattrack.network.settings import NetworkSettings
from beattrack.plot.draw import INK
from beattrack.training.folder.log import LOG

SYSTEMS = ("tcn", "tcn-causal", "wavenet", "cnn1d", "cnn2d", "bilstm", "lstm", "gru")
# Recurrent networks start slowly, so at full size one of them and the TCN are also trained longer.
LONGER, FACTOR = ("tcn", "bilstm"), 4
# On a CPU, torch takes five times as long for a GRU as for an LSTM, and longer still in bfloat16.
PRECISION = {"gru": {"precision": "32-true"}}
TOO_SLOW = ("gru",)  # for the full size
SMALL_PARAMETERS, FULL_PARAMETERS = 20_000, 58_000
SHOWN = (("beats_f", "beats F (DBN)"), ("peaks_f", "beats F (peaks)"), ("downbeats_f", "downbeats F (DBN)"))


@training_experiment
def networks(lab: Lab) -> None:
    """Train one network of each kind, all of the same size, and compare their beats."""
    parameters = FULL_PARAMETERS if lab.full else SMALL_PARAMETERS
    names = [name for name in SYSTEMS if not (lab.full and name in TOO_SLOW)]
    sized = {name: network_settings(name, parameters=parameters) for name in names}
    steps = {"steps": lab.size.steps}
    variants = [
        Variant(name=name, network=sized[name], settings=PRECISION.get(name, {}), about=steps)
        for name in names
    ]
    if lab.full:
        variants += [_longer(lab, name, sized[name]) for name in LONGER]
    rows = run(lab, variants)
    for row in rows:
        row |= changes(lab.runs / row["name"], lab.runs / SYSTEMS[0], MEASURES) | {
            "step_ms": _step_ms(lab.runs / row["name"])
        }
    write_rows(lab, rows)
    _plot(lab, rows)


def _longer(lab: Lab, name: str, network: NetworkSettings) -> Variant:
    """Return the run of a network for more steps."""
    steps = FACTOR * lab.size.steps
    return Variant(name=f"{name}-longer", network=network, settings=schedule(steps), about={"steps": steps})


def _step_ms(folder: Path) -> float:
    """Return the milliseconds of a training step, without the time that it waited for crops."""
    last = read_table(folder / LOG)[-1]
    return round(1000 * (float(last["seconds"]) - float(last["waited"])) / int(last["step"]), 1)


def _plot(lab: Lab, rows: Sequence[dict[str, Any]]) -> None:
    drawing = figure(4.2)
    axes = drawing.subplots()
    places, width = np.arange(len(SHOWN)), 0.8 / len(rows)
    for number, row in enumerate(rows):
        at = places + (number - (len(rows) - 1) / 2) * width
        heights = [row[measure] for measure, _ in SHOWN]
        kind, longer = row["name"].removesuffix("-longer"), row["name"].endswith("-longer")
        label = f"{NAMES[kind]}, {FACTOR} x steps" if longer else NAMES[kind]
        axes.bar(
            at,
            heights,
            0.9 * width,
            color=COLOURS[kind],
            label=label,
            hatch="//" if longer else None,
            edgecolor="w",
        )
        for place, height in zip(at, heights, strict=True):
            text = f"{height:.2f}".removeprefix("0")
            axes.annotate(text, (place, height), ha="center", va="bottom", fontsize=8, color=INK)
    axes.set_axisbelow(True)
    axes.set(ylabel="mean over the held-out songs", ylim=(0, 1))
    axes.set_xticks(places, [label for _, label in SHOWN])
    axes.legend(frameon=False, fontsize=9, ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.18))
    tidy(axes)
    save_plot(drawing, lab.path(".png"))


if __name__ == "__main__":
    networks()
