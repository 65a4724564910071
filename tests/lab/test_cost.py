from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
pytest.importorskip("beattrack.network.networks")

import cost
from experiments import read_table


def test_networks_have_as_many_parameters() -> None:
    counts = [cost._parameters(name) for name in cost.NETWORKS]
    assert max(counts) < 1.1 * min(counts)


@pytest.mark.slow
def test_tables_and_plot_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "SMALL", cost.Size(frames=(50,), step_frames=50, rounds=2))
    monkeypatch.setattr(cost, "SHORT", 20)
    monkeypatch.setattr(cost, "NETWORKS", ("tcn", "cnn2d"))
    done = CliRunner().invoke(cost.main, ["--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    times = read_table(tmp_path / "cost.csv")
    assert len(times) == 2 * 7  # threads; forward, step and onnx of both networks, and the body of the TCN
    assert all(float(row["seconds"]) > 0 for row in times)
    assert all(float(row["to_tcn"]) == 1 for row in times if row["network"] == "tcn")
    assert {row["threads"] for row in times} == {"1", "2"}
    memory = read_table(tmp_path / "cost-memory.csv")
    assert len(memory) == 4
    assert all(float(row["mib"]) >= 0 for row in memory)
    assert (tmp_path / "cost.png").read_bytes()[:4] == b"\x89PNG"

    monkeypatch.setattr(cost, "measure_times", lambda size, seed: pytest.fail("measured again"))
    assert CliRunner().invoke(cost.main, ["--out", str(tmp_path)]).exit_code == 0


@pytest.mark.slow
def test_memory_grows_with_the_input() -> None:
    job = {"network": "tcn", "measure": "step", "frames": 4000}
    grown = cost._memory_of(job, 0)
    assert isinstance(grown, float)
    assert grown > 20  # the first feature maps of the front-end alone


def test_what_does_not_fit_is_left_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert cost._memory_of({"network": "tcn", "measure": "forward", "frames": 10}, 0) == ""


def test_ratios_are_taken_within_a_round() -> None:
    assert cost._ratio([2.0, 20.0, 200.0], [1.0, 10.0, 50.0]) == 2.0
