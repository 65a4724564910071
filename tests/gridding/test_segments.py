from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beattrack.gridding.segments import segments


def cost(numbers: np.ndarray, times: np.ndarray) -> float:
    design = np.stack([numbers, np.ones(len(numbers))], axis=1)
    line = np.linalg.lstsq(design, times, rcond=None)[0]
    return float(((times - design @ line) ** 2).sum())


def by_trying(numbers: np.ndarray, times: np.ndarray, price: float, least: int) -> float:
    """The least cost of all divisions."""
    count, costs = len(times), []
    for pieces in range(1, count // least + 1):
        for cuts in itertools.combinations(range(1, count), pieces - 1):
            bounds = [0, *cuts, count]
            parts = [slice(*pair) for pair in itertools.pairwise(bounds)]
            if min(part.stop - part.start for part in parts) >= least:
                costs.append(sum(cost(numbers[part], times[part]) + price for part in parts))
    return min(costs)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.floats(0.2, 1)), min_size=6, max_size=11),
    st.floats(0.001, 0.1),
    st.integers(2, 4),
)
def test_no_division_is_cheaper(steps: list[tuple[int, float]], price: float, least: int) -> None:
    numbers = np.cumsum([step for step, _ in steps])
    times = np.cumsum([interval for _, interval in steps])
    found = segments(numbers, times, price=price, least=least)
    assert [part.start for part in found] == [0, *(part.stop for part in found[:-1])]
    assert found[-1].stop == len(times)
    if len(found) > 1:
        assert min(part.stop - part.start for part in found) >= least
    total = sum(cost(numbers[part], times[part]) + price for part in found)
    if len(times) >= 2 * least:
        np.testing.assert_allclose(total, by_trying(numbers, times, price, least), rtol=1e-6, atol=1e-9)


def test_few_beats_are_one_piece() -> None:
    assert segments(np.arange(0), np.zeros(0), price=0.1, least=4) == []
    assert segments(np.arange(5), np.arange(5) * 0.5, price=0.1, least=4) == [slice(0, 5)]


def test_hours_of_beats_lose_nothing_to_rounding() -> None:
    times = 20_000 + np.cumsum(np.where(np.arange(4000) < 1500, 0.5, 0.4999))
    found = segments(np.arange(4000), times, price=0.02, least=16)
    assert len(found) == 2
    assert abs(found[0].stop - 1500) <= 1
