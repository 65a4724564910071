from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.composing.tempi import draw_bpm


def test_tempi_spread_around_110() -> None:
    rng = np.random.default_rng(0)
    bpm = np.array([draw_bpm(rng) for _ in range(4000)])
    assert bpm.min() >= 50
    assert bpm.max() <= 200
    assert 107 < np.median(bpm) < 113
    assert 0.28 < np.log(bpm).std() < 0.33


@given(st.integers(0, 2**32), st.floats(30, 200), st.floats(1, 2))
def test_tempi_keep_to_the_range_of_a_style(seed: int, slowest: float, ratio: float) -> None:
    bpm = draw_bpm(np.random.default_rng(seed), slowest, slowest * ratio)
    assert slowest * 0.999 <= bpm <= slowest * ratio * 1.001
