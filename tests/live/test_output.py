from __future__ import annotations

import numpy as np
import pytest

from beattrack.live.output import StreamClock


def test_the_earliest_chunk_of_the_last_seconds_tells_when_the_stream_began() -> None:
    clock = StreamClock()
    rng = np.random.default_rng(0)
    offsets = []
    for index in range(1, 1000):
        late = 0.0 if index % 50 == 0 else rng.uniform(0, 0.03)
        offsets.append(clock.update(500 + index / 100 + late, index / 100))
    assert offsets[50:] == pytest.approx([500.0] * 949, abs=1e-9)


def test_a_gap_and_a_drift_are_followed() -> None:
    clock = StreamClock()
    for index in range(1, 300):
        clock.update(index / 100, index / 100)
    for index in range(300, 600):
        offset = clock.update(index / 100 + 5, index / 100)
    assert offset == pytest.approx(5)
    for index in range(600, 60_000):
        offset = clock.update(5 + index / 100 * 1.0001, index / 100)
    assert offset == pytest.approx(5 + 600 * 0.0001, abs=0.001)
    assert len(clock._candidates) <= 210
