from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.tempi import draw_bpm


def test_tempi_gather_at_the_middle_of_a_range() -> None:
    rng = np.random.default_rng(0)
    bpm = np.array([draw_bpm(rng, 60.0, 90.0) for _ in range(4000)])
    assert np.median(bpm) == pytest.approx(np.sqrt(60 * 90), rel=0.01)
    inner = np.mean((bpm > 66.4) & (bpm < 81.3))  # the middle half of the range
    assert 0.55 < inner < 0.75


@given(st.integers(0, 2**32), st.floats(30, 200), st.floats(1, 2))
def test_tempi_keep_to_the_range_of_a_style(seed: int, slowest: float, ratio: float) -> None:
    bpm = draw_bpm(np.random.default_rng(seed), slowest, slowest * ratio)
    assert slowest * 0.999 <= bpm <= slowest * ratio * 1.001


def test_styles_have_tempi_of_their_own() -> None:
    ranges = {style.name: (style.slowest, style.fastest) for style in STYLES}
    assert ranges["jazz ballad"][1] < ranges["swing"][0]
    assert ranges["ballad"][1] < ranges["disco"][0]
    assert ranges["reggae"][1] < ranges["ska"][0]
    assert all(slowest < fastest for slowest, fastest in ranges.values())
