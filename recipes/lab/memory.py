#!/usr/bin/env python
"""Train a TCN, an LSTM and a GRU on the copy-memory and the adding problem.

    python recipes/lab/memory.py [--full] [--out FOLDER] [--seed N]

Writes memory.csv (one row for each run), memory-curves.csv (loss against steps) and memory.png. Rows are
written as soon as a run has ended; the same command again goes on with the runs that are missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import torch
from experiments import COLOURS, NAMES, experiment, figure, read_table, save_plot, tidy, versions, write_table
from sequence_networks import Shape, build, parameters
from sequence_problems import PROBLEMS, SYMBOLS
from torch import nn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORKS = ("tcn", "lstm", "gru")
BATCH = 32
WINDOW = 25  # steps whose mean loss is one point of a curve
CLIP = 1.0  # norm of the gradient
TEST_SEQUENCES, TEST_SEED = 1000, 2**20
# Most steps for each T; fewer for longer sequences, which take longer.
SMALL = {"copy": {200: 600}, "adding": {200: 6000}}
FULL = {"copy": {200: 600, 600: 600, 1000: 600}, "adding": {200: 6000, 600: 6000, 1000: 6000}}
# Learning rates of Adam at the start. Those of the recurrent networks did best among RATES at T = 100
# (--rates), those of the TCN were tried by hand at T = 100 and 200.
RATES = (1e-3, 5e-3, 1e-2)
RATE_LENGTH, RATE_STEPS = 100, 1000
CHOSEN = {
    "copy": {"tcn": 5e-3, "lstm": 1e-2, "gru": 1e-2},
    "adding": {"tcn": 6e-3, "lstm": 1e-2, "gru": 1e-2},
}

Curve = list[tuple[int, float]]  # steps done, mean loss of the last WINDOW of them


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        problem: name in `PROBLEMS`.
        length: T of the problem.
        network: kind of network, see `sequence_networks.build`.
        steps: most steps; a run ends earlier once the problem is solved.
        rate: learning rate at the start; it falls to 0 along half a cosine.
        seed: seed of weights and sequences.
    """

    problem: str
    length: int
    network: str
    steps: int
    rate: float
    seed: int

    @property
    def shape(self) -> Shape:
        """Input, output and length for the network."""
        problem = PROBLEMS[self.problem]
        if self.problem == "copy":
            return Shape(problem.inputs, problem.outputs, self.length + 2 * SYMBOLS, block="single")
        return Shape(problem.inputs, problem.outputs, self.length, block="double")

    @property
    def key(self) -> tuple[str, ...]:
        """The run as text, as it stands in a table."""
        return tuple(f"{value:.5g}" if isinstance(value, float) else str(value) for value in self._values())

    def _values(self) -> Iterator[object]:
        yield from asdict(self).values()


def train(run: Run) -> tuple[nn.Module, Curve]:
    """Train a network on new sequences at every step.

    The run ends once the mean loss of a window is a tenth of that at which the problem counts as solved.

    Returns:
        The network, and the mean loss of every `WINDOW` steps, each batch before the step that learns it.
    """
    problem = PROBLEMS[run.problem]
    network = build(run.network, run.shape, seed=run.seed)
    generator = torch.Generator().manual_seed(run.seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=run.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, run.steps)
    curve: Curve = []
    losses: list[float] = []
    for step in range(1, run.steps + 1):
        given, asked = problem.batch(BATCH, run.length, generator)
        loss = problem.loss(network(given), asked)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if len(losses) == WINDOW or step == run.steps:
            curve.append((step, sum(losses) / len(losses)))
            losses = []
            if curve[-1][1] < problem.solved / 10:
                break
    return network, curve


def test(network: nn.Module, run: Run) -> float:
    """Return the mean loss on new sequences, the same for all networks."""
    problem = PROBLEMS[run.problem]
    generator = torch.Generator().manual_seed(TEST_SEED)
    losses, counts = [], []
    with torch.no_grad():
        for start in range(0, TEST_SEQUENCES, BATCH):
            counts.append(min(BATCH, TEST_SEQUENCES - start))
            given, asked = problem.batch(counts[-1], run.length, generator)
            losses.append(problem.loss(network(given), asked).item())
    return sum(loss * count for loss, count in zip(losses, counts, strict=True)) / TEST_SEQUENCES


def measure(run: Run) -> tuple[dict[str, object], Curve]:
    """Train and test a network; return a row of the table, and the curve."""
    started = time.process_time()
    network, curve = train(run)
    seconds = time.process_time() - started
    problem, loss = PROBLEMS[run.problem], test(network, run)
    solved = next((step for step, mean in curve if mean < problem.solved), "")
    row = {
        **asdict(run),
        "parameters": parameters(network),
        "steps_done": curve[-1][0],
        "loss": loss,
        "guess": problem.guess(run.length),
        "solved_at_step": solved,
        "cpu_seconds": seconds,
        **versions(),
    }
    return row, curve


def run_all(runs: list[Run], out: Path, name: str) -> None:
    """Do those runs that the tables in `out` lack, and write the tables after each of them."""
    table, curves = out / f"{name}.csv", out / f"{name}-curves.csv"
    rows: list[dict[str, object]] = [*read_table(table)]
    points: list[dict[str, object]] = [*read_table(curves)]
    done = {tuple(str(row[field]) for field in asdict(runs[0])) for row in rows}
    for run in runs:
        if run.key in done:
            continue
        row, curve = measure(run)
        place = {**row, **dict(zip(asdict(run), run.key, strict=True))}
        place = {name: place[name] for name in ("problem", "length", "network", "rate", "seed")}
        rows.append(row)
        # A run that was cut off between the two tables has points already.
        points = [point for point in points if {**point, **place} != point]
        points += [{**place, "step": step, "loss": loss} for step, loss in curve]
        write_table(curves, points)
        write_table(table, rows)
        text = f"{run.problem} T={run.length} {run.network} rate={run.rate:g}: loss {row['loss']:.2e}"
        click.echo(
            f"{text}, guessing {row['guess']:.2e}, {row['steps_done']} steps, {row['cpu_seconds']:.0f} s"
        )


def draw(out: Path, lengths: list[int]) -> None:
    """Draw the curves of memory-curves.csv: a row for each problem, a column for each length."""
    points = read_table(out / "memory-curves.csv")
    drawing = figure(6.6)
    panels = drawing.subplots(len(PROBLEMS), len(lengths), sharey="row", squeeze=False)
    for axes_row, name in zip(panels, PROBLEMS, strict=True):
        for axes, length in zip(axes_row, lengths, strict=True):
            here = [row for row in points if (row["problem"], row["length"]) == (name, str(length))]
            _draw_panel(axes, name, length, here)
        axes_row[0].set_ylabel("cross-entropy" if name == "copy" else "squared error")
    tidy(panels.flat)
    panels[0][0].legend(fontsize=9, frameon=False)
    save_plot(drawing, out / "memory.png")


def _draw_panel(axes: Axes, name: str, length: int, points: list[dict[str, str]]) -> None:
    problem = PROBLEMS[name]
    for network in NETWORKS:
        own = [(int(row["step"]), float(row["loss"])) for row in points if row["network"] == network]
        if own:
            axes.plot(*zip(*own, strict=True), color=COLOURS[network], lw=1.3, label=NAMES[network])
    axes.axhline(problem.guess(length), color="#8a97a5", ls="--", lw=1, label="guessing")
    if name == "adding":
        axes.axhline(problem.solved, color="#8a97a5", ls=":", lw=1)
    axes.set_yscale("log")
    axes.set_title(f"{problem.name}, T = {length}", loc="left")
    axes.set_xlabel("steps")


@experiment
@click.option("--rates", is_flag=True, help="Compare learning rates at T = 100 instead.")
def main(full: bool, rates: bool, out: Path, seed: int) -> None:
    """Train a TCN, an LSTM and a GRU on the copy-memory and the adding problem."""
    if rates:
        runs = [
            Run(problem, RATE_LENGTH, network, RATE_STEPS, rate, seed)
            for problem in PROBLEMS
            for network in NETWORKS
            for rate in RATES
        ]
        run_all(runs, out, "memory-rates")
        return
    size = FULL if full else SMALL
    lengths = list(size["copy"])
    runs = [
        Run(problem, length, network, size[problem][length], CHOSEN[problem][network], seed)
        for length in lengths
        for problem in PROBLEMS
        for network in NETWORKS
    ]
    run_all(runs, out, "memory")
    draw(out, lengths)


if __name__ == "__main__":
    main()
