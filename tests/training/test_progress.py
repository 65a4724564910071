"""Lines about a run."""

from __future__ import annotations

import pytest

from beattrack.training.progress import RunProgress, milestone_line, progress_line

ROW = {"step": 250.0, "seconds": 61.0, "training_beats": 0.5, "validation_beats": 0.25}


def test_the_line_tells_speed_and_time_left() -> None:
    assert progress_line(10, 100, 160.0, 0.5) == "step 10/100, 0.50 s per step, 320 x real time, 0:45 left"
    assert progress_line(10, 100, 160.0, None) == "step 10/100"


def test_a_milestone_tells_the_scores_there_are() -> None:
    assert milestone_line(ROW, 500) == "step 250/500, 1:01, loss 0.5000, held out 0.2500"
    scores = {"score": 0.5, "beats_f": 0.8, "beats_cmlt": 0.7, "downbeats_f": None}
    assert milestone_line({**ROW, **scores}, 500).endswith("held out 0.2500, beats F 0.800, CMLt 0.700")


def test_pace_is_that_of_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    progress = RunProgress(steps=100, audio=16.0, shown=True, live=True, clock=lambda: now)
    progress.show(50, 1000.0)  # after 49 steps of an earlier process
    now = 1.0
    progress.show(52, 1001.0)
    assert "step 52/100, 0.50 s per step, 32 x real time" in capsys.readouterr().err


@pytest.mark.parametrize("shown", [True, False])
def test_only_what_is_wanted_is_printed(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    progress = RunProgress(steps=500, audio=16.0, shown=shown, live=False)
    progress.show(1, 1.0)
    progress.milestone(ROW)
    assert capsys.readouterr().err.count("\n") == int(shown)
