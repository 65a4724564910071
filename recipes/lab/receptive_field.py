"""Beat F-measure against the receptive field: networks of 1 to 11 layers, dilated and plain.

    python recipes/lab/receptive_field.py                       a small synthesised corpus, minutes
    python recipes/lab/receptive_field.py --full --dataset ...  the published table

Every network reads the spectrogram alone, has kernels of 3 frames and no tempo head, and differs from the
others only in its residual blocks: how many, and of which dilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments import figure, save_plot, tidy
from runs import Lab, Variant, run, settings_of, training_experiment, write_rows

from beattrack.network.gradient_check import measure_stack
from beattrack.network.receptive_field import StackSettings
from beattrack.plot.draw import BEAT, DOWNBEAT, INK, SOFT

KERNEL = 3
FPS = 100
SHOWN = (
    ("beats_f", BEAT, "beats, DBN"),
    ("downbeats_f", DOWNBEAT, "downbeats, DBN"),
    ("peaks_f", INK, "beats, peak picking"),
)
SMALL_LAYERS, SMALL_PLAIN = (1, 3, 5, 7, 9), (5, 9)
FULL_LAYERS, FULL_PLAIN = tuple(range(1, 12)), (3, 7, 11)


def variant(layers: int, *, dilated: bool) -> Variant:
    """Return the run of a network with so many residual blocks."""
    dilations = [2**i if dilated else 1 for i in range(layers)]
    return Variant(
        name=f"{'dilated' if dilated else 'plain'}-{layers:02d}",
        settings={
            "network.tcn.kernel": KERNEL,
            "network.tcn.parallel_pair": False,
            "network.tcn.skip_sum": False,
            "network.tcn.dilations": dilations,
        },
        about={"layers": layers, "dilated": dilated},
    )


@training_experiment
def receptive_field(lab: Lab) -> None:
    """Train networks of growing receptive field, and plot how well they track beats against it."""
    layers, plain = (FULL_LAYERS, FULL_PLAIN) if lab.full else (SMALL_LAYERS, SMALL_PLAIN)
    variants = [variant(n, dilated=True) for n in layers] + [variant(n, dilated=False) for n in plain]
    rows = [{**row, **_fields(lab, one)} for row, one in zip(run(lab, variants), variants, strict=True)]
    write_rows(lab, rows)
    _plot(lab, rows)


def _fields(lab: Lab, one: Variant) -> dict[str, Any]:
    """Return the receptive field in frames: of the blocks by formula and by gradient, and of the network."""
    network = settings_of(lab, one).network
    stack = StackSettings(
        kernel=KERNEL, layers=one.about["layers"], dilation=2 if one.about["dilated"] else 1
    )
    return {
        "blocks_frames": network.tcn.receptive_field,
        "blocks_measured": measure_stack(stack).field.frames,
        "frames": network.receptive_field,
        "seconds": network.receptive_field / FPS,
    }


def _plot(lab: Lab, rows: Sequence[dict[str, Any]]) -> None:
    drawing = figure(4.6)
    axes = drawing.subplots()
    for measure, colour, label in SHOWN:
        for dilated, style, kind in ((True, "o-", ""), (False, "x--", ", no dilation")):
            chosen = [row for row in rows if row["dilated"] is dilated]
            seconds, heights = [row["seconds"] for row in chosen], [row[measure] for row in chosen]
            axes.plot(seconds, heights, style, color=colour, label=label + kind)
    for seconds, name in ((0.5, "a beat at 120 BPM"), (2.0, "a bar")):
        axes.axvline(seconds, color=SOFT, lw=0.8, ls=":")
        axes.annotate(name, (seconds, 0.98), rotation=90, fontsize=8, color=SOFT, ha="right", va="top")
    axes.set(xscale="log", xlabel="receptive field in seconds", ylabel="F-measure", ylim=(0, 1))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=9, loc="lower right", ncols=3)
    tidy(axes)
    save_plot(drawing, lab.path(".png"))


if __name__ == "__main__":
    receptive_field()
