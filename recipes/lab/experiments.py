"""What the experiments share: their options, tables, plots and versions."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.plot.draw import BEAT, DOWNBEAT, INK, SOFT, save
from beattrack.runtime.files import atomic_path, atomic_write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, DPI = 11.0, 90  # inches, dots per inch

# One colour for each network on all pages.
COLOURS = {
    "tcn": DOWNBEAT,
    "tcn-causal": "#e29a6c",
    "wavenet": "#a3336b",
    "cnn1d": "#c9a227",
    "cnn2d": "#7b6d3d",
    "gru": BEAT,
    "lstm": "#4b4a9c",
    "bilstm": "#8f8bd8",
    "rnn": SOFT,
}
NAMES = {
    "tcn": "TCN",
    "tcn-causal": "causal TCN",
    "wavenet": "WaveNet",
    "cnn1d": "1-D CNN",
    "cnn2d": "2-D CNN",
    "gru": "GRU",
    "lstm": "LSTM",
    "bilstm": "BiLSTM",
    "rnn": "tanh RNN",
}

Row = Mapping[str, object]


def experiment(function: Callable[..., None]) -> click.Command:
    """Make a command of an experiment, with the options that all of them have.

    Args:
        function: called with `full` (bool), `out` (Path of a folder that exists) and `seed` (int), and with
            the options that it adds itself.
    """
    options = [
        click.option("--full", is_flag=True, help="The published size, instead of minutes."),
        click.option(
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path("runs/lab"),
            show_default=True,
            callback=_made,
            help="Folder for tables and plots.",
        ),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed."),
    ]
    for option in reversed(options):
        function = option(function)
    return click.command(help=(function.__doc__ or "").split("\n\n")[0])(function)


def versions() -> dict[str, object]:
    """Return the versions of Python and torch and the number of threads, as columns for a table."""
    import torch

    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "threads": torch.get_num_threads(),
    }


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV, whole or not at all; the columns are those of the first row.

    Floating-point numbers are rounded to five significant digits.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    atomic_write_text(path, text.getvalue())


def read_table(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV table; none if there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figure(height: float) -> Figure:
    """Return an empty figure as wide as a page."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")


def tidy(axes: Axes | Iterable[Axes]) -> None:
    """Give axes the look of beattrack's plots."""
    for one in [axes] if not isinstance(axes, Iterable) else axes:
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            one.spines[side].set_color(SOFT)
        one.grid(color="#e3e7eb", lw=0.7)
        one.tick_params(which="both", labelsize=9, color=SOFT, labelcolor=INK)
        for label in (one.xaxis.label, one.yaxis.label):
            label.set(fontsize=10, color=INK)
        for place in ("left", "center"):
            one.set_title(one.get_title(place), loc=place, fontsize=10, color=INK)


def save_plot(drawing: Figure, path: Path) -> None:
    """Write a figure as .png or .svg, whole or not at all; the same data give the same file."""
    with atomic_path(path) as temporary:
        save(drawing, temporary, path.suffix[1:])


def _made(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{folder}: {error.strerror}", context, parameter) from error
    return folder


def _cell(value: Any) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value
