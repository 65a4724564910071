"""Causal networks with a look-ahead, and one that sees everything: accuracy against latency.

    python recipes/lab/look_ahead.py                       a small synthesised corpus, minutes
    python recipes/lab/look_ahead.py --full --dataset ...  the published table

A network with a look-ahead of k frames decides on a frame when it has heard k more, so it is that much later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments import figure, save_plot, tidy
from runs import Lab, Variant, changes, run, training_experiment, write_rows

from beattrack.plot.draw import BEAT, DOWNBEAT, INK, SOFT

FPS = 100
SMALL_FRAMES, FULL_FRAMES = (0, 4, 20, 50), (0, 2, 5, 10, 25, 50)
CAUSAL = {"network.tcn.causal": True, "network.tcn.skip_sum": False}
SHOWN = (
    ("beats_f", BEAT, "beats, DBN"),
    ("peaks_f", INK, "beats, peak picking"),
    ("downbeats_f", DOWNBEAT, "downbeats, DBN"),
)


def variants(look_aheads: Sequence[int]) -> list[Variant]:
    """Return the runs: the network that sees everything first, then the causal ones."""
    everything = Variant(
        name="everything", settings={"network.tcn.skip_sum": False}, about={"look_ahead_ms": "all"}
    )
    return [everything] + [
        Variant(
            name=f"ahead-{frames:03d}",
            settings={**CAUSAL, "network.look_ahead": frames},
            about={"look_ahead_ms": 1000 * frames // FPS},
        )
        for frames in look_aheads
    ]


@training_experiment
def look_ahead(lab: Lab) -> None:
    """Train causal networks of growing look-ahead, and plot their accuracy against the latency."""
    rows = run(lab, variants(FULL_FRAMES if lab.full else SMALL_FRAMES))
    for row in rows:
        row |= changes(lab.runs / row["name"], lab.runs / rows[0]["name"], ("beats_f", "downbeats_f"))
    write_rows(lab, rows)
    _plot(lab, rows)


def _plot(lab: Lab, rows: Sequence[dict[str, Any]]) -> None:
    drawing = figure(4.2)
    axes = drawing.subplots()
    everything, *causal = rows
    milliseconds = [row["look_ahead_ms"] for row in causal]
    for measure, colour, label in SHOWN:
        axes.plot(milliseconds, [row[measure] for row in causal], "o-", color=colour, label=label)
        axes.axhline(everything[measure], color=colour, lw=1, ls="--")
    axes.plot([], [], color=SOFT, ls="--", label="sees everything")
    axes.set(xlabel="look-ahead in milliseconds", ylabel="F-measure", ylim=(0, 1))
    axes.legend(frameon=False, fontsize=9, loc="lower right", ncols=2)
    tidy(axes)
    save_plot(drawing, lab.path(".png"))


if __name__ == "__main__":
    look_ahead()
