from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import memory
import pytest
import torch
from click.testing import CliRunner
from experiments import read_table
from sequence_problems import PROBLEMS
from torch import Tensor, nn


class WithoutMemory(nn.Module):
    """Answers each step by its own input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.layer(features)
        return out


# Without memory the first delimiter, after which a blank is asked for, looks like the 10 others.
COPY_WITHOUT_MEMORY = math.log(11) + 10 * math.log(8 * 11 / 10)


@pytest.mark.parametrize(("problem", "least"), [("copy", COPY_WITHOUT_MEMORY / 32), ("adding", 1 / 6)])
def test_without_memory_there_is_only_guessing(
    problem: str, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(kind: str, shape: memory.Shape, *, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return WithoutMemory(shape.inputs, shape.outputs)

    monkeypatch.setattr(memory, "build", build)
    run = memory.Run(problem, 12, "tcn", 400, 0.05, 0)
    network, _ = memory.train(run)
    assert memory.test(network, run) == pytest.approx(least, rel=0.08)
    assert PROBLEMS[problem].guess(12) <= least < 1.2 * PROBLEMS[problem].guess(12)


@pytest.mark.parametrize("problem", ["copy", "adding"])
def test_a_tiny_tcn_learns(problem: str) -> None:
    run = memory.Run(problem, 10, "tcn", 400, 4e-3, 0)
    network, curve = memory.train(run)
    assert [step for step, _ in curve] == list(range(memory.WINDOW, curve[-1][0] + 1, memory.WINDOW))
    assert curve[-1][1] < 0.3 * PROBLEMS[problem].guess(10) < curve[0][1]
    assert memory.test(network, run) == pytest.approx(curve[-1][1], rel=0.5)


def test_a_run_ends_once_the_problem_is_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    run = memory.Run("adding", 5, "gru", 100_000, 1e-3, 0)
    monkeypatch.setitem(PROBLEMS, "adding", replace(PROBLEMS["adding"], solved=1.5))
    row, curve = memory.measure(run)
    assert row["steps_done"] == curve[-1][0] < 1000
    assert curve[-1][1] < 0.15


def test_runs_that_are_done_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SMALL", {"copy": {12: 30}, "adding": {12: 30}})
    monkeypatch.setattr(memory, "TEST_SEQUENCES", 40)
    done = CliRunner().invoke(memory.main, ["--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = read_table(tmp_path / "memory.csv")
    assert [(row["problem"], row["network"]) for row in rows] == [
        (problem, network) for problem in ("copy", "adding") for network in memory.NETWORKS
    ]
    assert all(float(row["loss"]) > 0 and row["seed"] == "0" and row["torch"] for row in rows)
    curves = (tmp_path / "memory-curves.csv").read_bytes()
    assert len(read_table(tmp_path / "memory-curves.csv")) == 12  # steps 25 and 30 of 6 runs
    assert (tmp_path / "memory.png").read_bytes()[:4] == b"\x89PNG"

    lines = (tmp_path / "memory.csv").read_text().splitlines()
    (tmp_path / "memory.csv").write_text("\n".join(lines[:-1]) + "\n")  # as if the last one had been cut off
    asked: list[memory.Run] = []
    measure = memory.measure
    monkeypatch.setattr(memory, "measure", lambda run: asked.append(run) or measure(run))
    assert CliRunner().invoke(memory.main, ["--out", str(tmp_path)]).exit_code == 0
    assert [(run.problem, run.network) for run in asked] == [("adding", "gru")]
    assert (tmp_path / "memory-curves.csv").read_bytes() == curves
    assert len(read_table(tmp_path / "memory.csv")) == 6
