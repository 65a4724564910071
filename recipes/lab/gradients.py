#!/usr/bin/env python
"""Measure how far back the gradient of a loss reaches: TCN, LSTM, GRU and tanh RNN.

    python recipes/lab/gradients.py [--full] [--out FOLDER] [--seed N]

Writes gradients.csv (norm of the gradient against distance) and gradients.png. The loss is that of the last
step in the adding problem: of new networks on long sequences, and of networks trained at T = 100 on
sequences of that length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click
import memory
import numpy as np
import torch
from experiments import COLOURS, NAMES, experiment, figure, read_table, save_plot, tidy, versions, write_table
from numpy.typing import NDArray
from sequence_networks import Shape, build, parameters
from sequence_problems import PROBLEMS
from torch import nn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORKS = ("tcn", "lstm", "gru", "rnn")
TRAINED_LENGTH = 100
POINTS = 120  # of a curve in the table
LOWEST = 1e-30  # of the plot; smaller values are drawn there

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        steps: length of the sequences for new networks.
        networks: number of new networks of each kind.
        sequences: number of sequences for each network.
        training_steps: most steps of training.
    """

    steps: int
    networks: int
    sequences: int
    training_steps: int


SMALL = Size(steps=1000, networks=3, sequences=4, training_steps=800)
FULL = Size(steps=10_000, networks=5, sequences=4, training_steps=3000)


def gradient_norms(network: nn.Module, steps: int, sequences: int, seed: int) -> Float:
    """Compute the norm of the gradient of the last step's loss with respect to each step of the input.

    In double precision, because gradients of recurrent networks soon are smaller than single precision holds.

    Args:
        network: network for the adding problem; it becomes one of double precision.
        steps: length of the sequences.
        sequences: number of sequences.
        seed: seed of the sequences.

    Returns:
        Root mean square over the sequences of the norm over the input's features, by distance from the last
        step, shape (steps,).
    """
    problem = PROBLEMS["adding"]
    given, asked = problem.batch(sequences, steps, torch.Generator().manual_seed(seed))
    given = given.double().requires_grad_()
    loss = (
        problem.loss(network.double()(given), asked.double()) * sequences
    )  # a sum: each sequence for itself
    (gradient,) = torch.autograd.grad(loss, given)  # (sequences, steps, features)
    norms: Float = gradient.square().sum(dim=2).mean(dim=0).sqrt().numpy()[::-1].copy()
    return norms


def new_networks(kind: str, size: Size, seed: int) -> tuple[int, Float]:
    """Return the number of parameters and the median of the norms over networks with new weights."""
    shape = Shape(inputs=2, outputs=1, steps=size.steps)
    networks = [build(kind, shape, seed=seed + number) for number in range(size.networks)]
    norms = [gradient_norms(network, size.steps, size.sequences, seed) for network in networks]
    return parameters(networks[0]), np.median(norms, axis=0)


def trained_network(kind: str, size: Size, seed: int) -> tuple[int, float, Float]:
    """Return parameters, loss and norms of a network trained on the adding problem."""
    rate = memory.CHOSEN["adding"].get(kind, memory.CHOSEN["adding"]["gru"] / 4)
    run = memory.Run("adding", TRAINED_LENGTH, kind, size.training_steps, rate, seed)
    network, _ = memory.train(run)
    loss = memory.test(network, run)
    return parameters(network), loss, gradient_norms(network, TRAINED_LENGTH, 256, memory.TEST_SEED)


def binned(norms: Float) -> list[tuple[int, float]]:
    """Return distances, at equal ratios, and the root mean square of the norms between them."""
    edges = np.unique(np.geomspace(1, len(norms) + 1, POINTS + 1).round().astype(int)) - 1
    return [(int(first), float(np.sqrt(np.mean(norms[first:last] ** 2)))) for first, last in pairwise(edges)]


def rows(
    kind: str, state: str, count: int, loss: float | str, norms: Float, seed: int
) -> list[dict[str, object]]:
    """Return the rows of one curve for the table."""
    return [
        {
            "network": kind,
            "weights": state,
            "distance": distance,
            "norm": norm,
            "parameters": count,
            "loss": loss,
            "seed": seed,
            **versions(),
        }
        for distance, norm in binned(norms)
    ]


def draw(out: Path) -> None:
    """Draw the curves of gradients.csv."""
    points = read_table(out / "gradients.csv")
    drawing = figure(4.6)
    panels = drawing.subplots(1, 2)
    for axes, state in zip(panels, ("new", "trained"), strict=True):
        _draw_panel(axes, [row for row in points if row["weights"] == state])
    panels[0].set_title("new weights", loc="left")
    panels[1].set_title(f"trained on the adding problem, T = {TRAINED_LENGTH}", loc="left")
    panels[0].set_ylabel("norm of the gradient, relative to the last step")
    tidy(panels)
    panels[0].legend(fontsize=9, frameon=False)
    save_plot(drawing, out / "gradients.png")


def _draw_panel(axes: Axes, points: Sequence[dict[str, str]]) -> None:
    for kind in NETWORKS:
        own = [(int(row["distance"]), float(row["norm"])) for row in points if row["network"] == kind]
        if not own:
            continue
        distances, norms = np.array(own).T
        axes.plot(
            distances + 1,
            np.maximum(norms / norms[0], LOWEST),
            color=COLOURS[kind],
            lw=1.5,
            label=NAMES[kind],
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("steps from the end of the sequence, the last one being 1")


@experiment
def main(full: bool, out: Path, seed: int) -> None:
    """Measure how far back the gradient of a loss reaches: TCN, LSTM, GRU and tanh RNN."""
    size = FULL if full else SMALL
    table: list[dict[str, object]] = []
    for kind in NETWORKS:
        count, norms = new_networks(kind, size, seed)
        table += rows(kind, "new", count, "", norms, seed)
        click.echo(
            f"{kind}, new: {norms[0]:.1e} at the last step, {norms[-1]:.1e} {size.steps - 1} before it"
        )
        count, loss, norms = trained_network(kind, size, seed)
        table += rows(kind, "trained", count, loss, norms, seed)
        last = len(norms) - 1
        click.echo(f"{kind}, trained to {loss:.1e}: {norms[0]:.1e} and {norms[-1]:.1e} {last} before it")
    write_table(out / "gradients.csv", table)
    draw(out)


if __name__ == "__main__":
    main()
