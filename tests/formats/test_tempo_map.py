from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.formats.tempo_map import FEW_CHANGES, TempoPiece, tempo_map, time_at
from tests.timing_cases import drifting, steady


def places(times: np.ndarray) -> list[float]:
    return [float(index) for index in range(len(times))]


def error(pieces: list[TempoPiece], times: np.ndarray) -> float:
    return max(abs(time_at(pieces, place) - time) for place, time in enumerate(times))


@pytest.mark.parametrize("bpm", [61.7, 90, 124, 128, 174.3])
def test_a_steady_tempo_in_whole_frames_is_one_piece(bpm: float) -> None:
    times = steady(bpm, 700)
    pieces = tempo_map(times.tolist(), places(times), tolerance=FEW_CHANGES)
    assert len(pieces) == 1
    assert pieces[0].bpm == pytest.approx(bpm, abs=0.01)
    assert error(pieces, times) < FEW_CHANGES


@given(st.integers(2, 120), st.integers(0, 1000), st.sampled_from([0.0005, 0.005, 0.012, 0.05]))
@settings(max_examples=60, deadline=None)
def test_no_beat_is_farther_than_the_tolerance(count: int, seed: int, tolerance: float) -> None:
    times = drifting(count, seed=seed)
    for fixed in (False, True):
        pieces = tempo_map(times.tolist(), places(times), tolerance=tolerance, fixed_start=fixed)
        assert error(pieces, times) <= tolerance + 1e-9
        ends = pairwise(pieces)
        assert all(before.at(after.place) == pytest.approx(after.time) for before, after in ends)


def test_rounded_tempi_do_not_drift() -> None:
    times = drifting(600)

    def whole_bpm(period: float) -> float:
        return 60 / round(60 / period)

    pieces = tempo_map(times.tolist(), places(times), tolerance=0.02, quantise=whole_bpm)
    assert all(piece.bpm == pytest.approx(round(piece.bpm)) for piece in pieces)
    assert error(pieces, times) < 0.025


def test_a_break_begins_a_piece() -> None:
    times = np.arange(20) * 0.5
    pieces = tempo_map(times.tolist(), places(times), tolerance=0.01, breaks={7})
    assert [piece.place for piece in pieces] == [0, 7]


def test_a_wider_tolerance_makes_fewer_pieces() -> None:
    times = drifting(400)
    counts = [len(tempo_map(times.tolist(), places(times), tolerance=t)) for t in (0.001, 0.01, 0.1)]
    assert counts[0] > counts[1] > counts[2]


def test_few_beats() -> None:
    assert tempo_map([], [], tolerance=0.01) == tempo_map([1.0], [0.0], tolerance=0.01) == []
    (piece,) = tempo_map([1.0, 1.5], [0.0, 1.0], tolerance=0.01)
    assert (piece.time, piece.bpm) == (1.0, 120.0)
