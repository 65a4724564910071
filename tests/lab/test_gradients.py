from __future__ import annotations

from pathlib import Path

import gradients
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from experiments import read_table
from sequence_networks import Shape, build
from torch import Tensor, nn


class Decaying(nn.Module):
    """Puts out the sum of the first feature, weighted by a half for each step back."""

    def forward(self, features: Tensor) -> Tensor:
        steps = torch.arange(features.shape[1])
        weights = (0.5 ** (steps[:, None] - steps)).tril().to(features)
        return (weights @ features[:, :, 0].T).T[:, :, None]


def test_the_norm_halves_where_the_network_halves() -> None:
    norms = gradients.gradient_norms(Decaying(), 30, 5, seed=0)
    assert norms.shape == (30,)
    np.testing.assert_allclose(norms[1:] / norms[:-1], 0.5, rtol=1e-9)
    assert norms[0] > 0


def test_norms_do_not_depend_on_the_number_of_sequences_but_by_chance() -> None:
    few, many = (gradients.gradient_norms(Decaying(), 10, count, seed=0)[0] for count in (500, 5000))
    assert few == pytest.approx(many, rel=0.1)


def test_no_gradient_beyond_the_receptive_field() -> None:
    network = build(
        "tcn", Shape(inputs=2, outputs=1, steps=10), seed=0
    )  # one block: two convolutions of 8 taps
    norms = gradients.gradient_norms(network, 30, 2, seed=0)
    assert (norms[:15] > 0).all()
    assert (norms[15:] == 0).all()


@pytest.mark.parametrize("length", [1, 5, 1000])
def test_bins_hold_every_distance_once(length: int) -> None:
    norms = np.random.default_rng(0).random(length)
    points = gradients.binned(norms)
    starts = [distance for distance, _ in points]
    counts = np.diff([*starts, length])
    assert starts[0] == 0
    assert (counts > 0).all()
    assert sum(counts * np.square([norm for _, norm in points])) == pytest.approx(np.square(norms).sum())


def test_table_and_plot_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "SMALL", gradients.Size(60, 2, 2, 2))
    monkeypatch.setattr(gradients, "TRAINED_LENGTH", 20)
    done = CliRunner().invoke(gradients.main, ["--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = read_table(tmp_path / "gradients.csv")
    assert {(row["network"], row["weights"]) for row in rows} == {
        (network, state) for network in gradients.NETWORKS for state in ("new", "trained")
    }
    assert all(float(row["norm"]) >= 0 for row in rows)
    assert (tmp_path / "gradients.png").read_bytes()[:4] == b"\x89PNG"
