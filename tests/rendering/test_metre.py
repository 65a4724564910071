from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.metre import METRES, felt_beats


@pytest.mark.parametrize(
    ("name", "beats", "quarters", "divisions"),
    [
        ("4/4", 4, 4.0, (4, 4, 4, 4)),
        ("2/2", 2, 4.0, (8, 8)),
        ("6/8", 2, 3.0, (6, 6)),
        ("9/8", 3, 4.5, (6, 6, 6)),
        ("7/8", 3, 3.5, (4, 4, 6)),
        ("5/4", 5, 5.0, (4, 4, 4, 4, 4)),
    ],
)
def test_metres_as_felt(name: str, beats: int, quarters: float, divisions: tuple[int, ...]) -> None:
    metre = METRES[name]
    assert (len(metre.beats), metre.quarters, metre.divisions) == (beats, quarters, divisions)


def test_beats_from_bar_lines() -> None:
    times, positions = felt_beats(
        np.array([1.0, 3.0, 4.75]), [METRES["4/4"], METRES["7/8"], METRES["2/4"]], 0.5
    )
    np.testing.assert_allclose(times, [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.75, 5.25])
    np.testing.assert_array_equal(positions, [1, 2, 3, 4, 1, 2, 3, 1, 2])
