from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.composing.pulse import (
    FASTEST_CLICK,
    SLOWEST_CLICK,
    Pulse,
    draw_click_bpm,
    drum_loop,
    metronome,
    sparse_drums,
)
from beattrack.rendering.piece import ONSET, PITCH, VELOCITY


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def strokes(pulse: Pulse, positions: tuple[int, ...]) -> list[tuple[float, float]]:
    """Drum and velocity of the strokes on beats at these positions."""
    wanted = pulse.beats[np.isin(pulse.positions, positions)]
    notes = pulse.part.notes
    near = np.abs(notes[:, None, ONSET] - wanted[None, :]).min(axis=1) < 1e-6
    return [(row[PITCH], row[VELOCITY]) for row in notes[near].tolist()]


def test_tempi_of_clicks_cover_the_range_evenly() -> None:
    bpm = np.array([draw_click_bpm(rng(seed)) for seed in range(2000)])
    assert bpm.min() >= SLOWEST_CLICK
    assert bpm.max() <= FASTEST_CLICK
    assert np.median(bpm) == pytest.approx(np.sqrt(SLOWEST_CLICK * FASTEST_CLICK), rel=0.05)


@given(st.integers(0, 2**32), st.floats(35, 240))
def test_accents_tell_the_bars(seed: int, bpm: float) -> None:
    pulse = metronome(rng(seed), bpm, 40.0, accented=True)
    assert pulse.bars_known
    np.testing.assert_allclose(np.diff(pulse.beats), 60 / bpm)
    accents = set(strokes(pulse, (1,)))
    others = strokes(pulse, tuple(range(2, 9)))
    assert len(accents) == 1
    assert accents.isdisjoint(others)
    assert next(iter(accents))[1] >= max(velocity for _, velocity in others)


@given(st.integers(0, 2**32), st.floats(35, 240))
def test_without_accents_all_beats_are_alike(seed: int, bpm: float) -> None:
    pulse = metronome(rng(seed), bpm, 40.0, accented=False)
    assert not pulse.bars_known
    every = strokes(pulse, (1, 2, 3, 4))
    assert len(set(every)) == 1
    softest = every[0][1]
    between = [row[VELOCITY] for row in pulse.part.notes.tolist() if row[VELOCITY] != softest]
    assert all(velocity < 0.7 * softest for velocity in between)
    assert len(pulse.part.notes) % len(pulse.beats) == 0


@given(st.integers(0, 2**32))
def test_loops_repeat_exactly(seed: int) -> None:
    pulse = drum_loop(rng(seed), 100.0, 30.0)
    bars = pulse.beats[pulse.positions == 1]
    notes = pulse.part.notes
    index = np.searchsorted(bars, notes[:, ONSET] + 1e-6) - 1
    played = [
        sorted(
            (round(row[ONSET] - bars[k], 6), row[PITCH], row[VELOCITY]) for row in notes[index == k].tolist()
        )
        for k in range(len(bars))
    ]
    assert len(played) >= 8
    assert all(bar == played[0] for bar in played)


def test_a_loop_of_two_equal_halves_tells_no_bars() -> None:
    known = 0
    for seed in range(60):
        pulse = drum_loop(rng(seed), 60.0, 30.0)
        if pulse.metre == "3/4":
            assert pulse.bars_known
            continue
        first = pulse.part.notes[pulse.part.notes[:, ONSET] < 3.99]
        halves = [
            {(round(row[ONSET] % 2, 4), row[PITCH], row[VELOCITY]) for row in first[side].tolist()}
            for side in (first[:, ONSET] < 1.99, first[:, ONSET] >= 1.99)
        ]
        assert pulse.bars_known == (halves[0] != halves[1])
        known += pulse.bars_known
    assert 0 < known < 60


@given(st.integers(0, 2**32))
def test_sparse_drums_have_few_strokes_and_begin_on_a_beat(seed: int) -> None:
    pulse = sparse_drums(rng(seed), 80.0, 30.0)
    assert len(pulse.part.notes) <= 2.6 * len(pulse.beats)
    assert pulse.part.notes[0, ONSET] == 0
    assert pulse.metre in ("3/4", "4/4")
