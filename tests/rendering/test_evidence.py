from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.evidence import (
    crashes,
    every_second,
    kicks,
    leads,
    low_notes,
    on_beat_share,
    rates,
    snares,
)
from beattrack.rendering.piece import Part, Piece, notes_array


def piece(shift: float = 0.0) -> Piece:
    """120 BPM in 4/4: bass drum and bass on 1, snare on 3, hi-hat on off-beats, a crash on the first 1."""
    beats = np.arange(32) * 0.5
    drums = [(t, t + 0.1, {0: 36, 2: 38}[k % 4], 90) for k, t in enumerate(beats) if k % 2 == 0]
    drums += [(t + 0.25, t + 0.3, 42, 80) for t in beats[:8]] + [(0, 0.5, 49, 90)]
    bass = [(t, t + 1, 40, 90) for t in beats[::4]] + [(t, t + 1, 60, 90) for t in beats[1::4]]
    moved = [[(on + shift, off + shift, pitch, v) for on, off, pitch, v in rows] for rows in (drums, bass)]
    return Piece(
        id="a",
        source="band",
        licence="",
        genre="",
        group="a",
        metre="4/4",
        parts=(
            Part(name="drums", program=0, drums=True, notes=notes_array(moved[0])),
            Part(name="bass", program=33, drums=False, notes=notes_array(moved[1])),
        ),
        beats=beats,
        positions=np.arange(32, dtype=np.int64) % 4 + 1,
    )


def test_rates_by_position() -> None:
    made = piece()
    np.testing.assert_array_equal(rates(made, kicks(made.parts)), [1, 0, 0, 0])
    np.testing.assert_array_equal(rates(made, snares(made.parts)), [0, 0, 1, 0])
    np.testing.assert_array_equal(rates(made, crashes(made.parts)), [1 / 8, 0, 0, 0])
    np.testing.assert_array_equal(rates(made, low_notes(made.parts)), [1, 0, 0, 0])
    np.testing.assert_array_equal(rates(made, np.empty(0)), [0, 0, 0, 0])


def test_tolerance_is_a_share_of_the_beat() -> None:
    late = piece(shift=0.04)
    assert rates(late, kicks(late.parts))[0] == 1
    assert rates(late, kicks(late.parts), tolerance=0.05)[0] == 0


def test_share_of_notes_on_beats() -> None:
    assert on_beat_share(piece()) > 0.7
    assert on_beat_share(piece(shift=0.25)) < 0.3
    assert on_beat_share(piece(shift=0.12)) == pytest.approx(0.5)  # neither on nor off


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [([1, 0, 0, 0], True), ([0.7, 1, 0, 0], True), ([0.6, 1, 0, 0], False), ([0, 0], False)],
)
def test_the_first_position_leads(shares: list[float], verdict: bool) -> None:
    assert leads(np.array(shares, dtype=np.float64)) is verdict


def test_every_second_beat_starts_with_the_downbeat() -> None:
    np.testing.assert_array_equal(every_second(np.array([1, 2, 3, 4, 1, 2, 3, 4])), [0, 2, 4, 6])
