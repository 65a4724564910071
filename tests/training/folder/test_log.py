"""The log: rows that are appended, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from beattrack.training.folder.log import TrainingLog
from beattrack.training.losses import Losses


def losses(value: float) -> Losses:
    return Losses(*(torch.tensor(value + i) for i in range(3)))


def test_rows_are_appended_under_one_header_and_cut_after_a_step(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        row = TrainingLog(tmp_path).append(step, 1.5 * step, 0.5, losses(1.0), losses(2.0), None)
    assert row["score"] is None
    log = TrainingLog(tmp_path)
    assert [entry["step"] for entry in log.rows()] == [10, 20, 30]
    assert log.rows()[1] == {**dict.fromkeys(log.columns), "step": 20, "seconds": 30, "waited": 0.5} | {
        f"{side}_{name}": first + i
        for side, first in (("training", 1.0), ("validation", 2.0))
        for i, name in enumerate(Losses._fields)
    }
    log.cut(20)
    assert [entry["step"] for entry in log.rows()] == [10, 20]
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").count("step") == 1


def test_there_may_be_no_log_yet(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.cut(5)
    assert log.rows() == []
