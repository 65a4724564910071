"""The log: rows that are appended, and taken back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from beattrack.training.folder.log import LOG, TrainingLog
from beattrack.training.losses import Losses


def losses(value: float) -> Losses:
    return Losses(*(torch.tensor(value + i) for i in range(3)))


def steps(folder: Path) -> list[float]:
    with (folder / LOG).open(newline="", encoding="utf-8") as file:
        return [float(row["step"]) for row in csv.DictReader(file)]


def test_rows_are_appended_under_one_header_and_cut_after_a_step(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        row = TrainingLog(tmp_path).append(step, 1.5 * step, 0.5, losses(1.0), losses(2.0), None)
    assert row["score"] is None
    log = TrainingLog(tmp_path)
    assert steps(tmp_path) == [10, 20, 30]
    assert row == {**dict.fromkeys(log.columns), "step": 30, "seconds": 45, "waited": 0.5} | {
        f"{side}_{name}": first + i
        for side, first in (("training", 1.0), ("validation", 2.0))
        for i, name in enumerate(Losses._fields)
    }
    log.cut(20)
    assert steps(tmp_path) == [10, 20]
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").count("step") == 1


def test_there_may_be_no_log_yet(tmp_path: Path) -> None:
    TrainingLog(tmp_path).cut(5)
    assert list(tmp_path.iterdir()) == []
