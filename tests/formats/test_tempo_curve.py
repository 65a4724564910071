from __future__ import annotations

import io

import numpy as np
import pytest

from beattrack.formats.tempo_curve import tempo_curve_csv
from tests.example_beats import make_beats


def test_a_line_for_each_beat() -> None:
    text = tempo_curve_csv(make_beats())
    assert text.splitlines()[:2] == ["time,bpm", "0.500,120.000"]
    table = np.genfromtxt(io.StringIO(text), delimiter=",", names=True)
    assert table["time"].tolist() == pytest.approx(np.arange(1, 9) * 0.5)
    assert table["bpm"].tolist() == [120] * 8


def test_a_single_beat_has_no_tempo() -> None:
    one = make_beats(times=np.array([1.0]), positions=None, confidence=np.ones(1), tempo=None, metre=None)
    assert tempo_curve_csv(one) == "time,bpm\n1.000,\n"
