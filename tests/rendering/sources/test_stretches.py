from __future__ import annotations

import numpy as np

from beattrack.rendering.sources.stretches import cut, scaled
from tests.rendering_cases import make_part, make_piece


def test_a_slower_piece_has_later_notes_and_beats() -> None:
    piece = make_piece(100)
    slow = scaled(piece, 1.25)
    assert np.isclose(slow.bpm, 80)
    for before, after in zip(piece.parts, slow.parts, strict=True):
        np.testing.assert_allclose(after.notes[:, :2], 1.25 * before.notes[:, :2])
        np.testing.assert_array_equal(after.notes[:, 2:], before.notes[:, 2:])


def test_a_cut_keeps_notes_that_begin_inside_and_a_little_before() -> None:
    rows = [(0.9, 3.0, 60.0, 90.0), (0.98, 1.5, 61.0, 90.0), (2.0, 9.0, 62.0, 90.0), (4.0, 5.0, 63.0, 90.0)]
    part = cut(make_part("piano", 0, rows), 1.0, 4.0)
    np.testing.assert_allclose(part.notes, [(0.0, 0.5, 61, 90), (1.0, 4.0, 62, 90)])
