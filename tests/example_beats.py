"""Beats for the tests of what holds and writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from beattrack.result import Beats
from beattrack.tempo import estimate_tempo


def make_beats(**changes: Any) -> Beats:
    times = np.arange(1, 9) * 0.5
    values: dict[str, Any] = {
        "times": times,
        "positions": np.array([3, 4, 1, 2, 3, 4, 1, 2]),
        "confidence": np.linspace(0.2, 0.9, 8),
        "duration": 5.0,
        "tempo": estimate_tempo(times),
        "metre": 4,
        "file": "song.wav",
        "model": "tcn",
        "decoder": {"name": "dbn", "settings": {"min_bpm": 55.0, "beats_per_bar": (3, 4)}},
    }
    return Beats(**{**values, **changes})


@st.composite
def any_beats(draw: st.DrawFn) -> Beats:
    """Any valid Beats, times as close as floats can be."""
    times = sorted(draw(st.sets(st.floats(0, 20_000), max_size=30)))
    confidence = draw(st.lists(st.floats(0, 1), min_size=len(times), max_size=len(times)))
    positions = draw(st.none() | st.lists(st.integers(1, 12), min_size=len(times), max_size=len(times)))
    return Beats(
        times=np.array(times, dtype=np.float64),
        positions=None if positions is None else np.array(positions, dtype=np.int64),
        confidence=np.array(confidence, dtype=np.float64),
        duration=20_000.0 + draw(st.floats(0, 10)),
        tempo=estimate_tempo(times),
        metre=draw(st.none() | st.integers(1, 12)),
        file=draw(st.none() | st.text()),
        model=draw(st.none() | st.text()),
        decoder=draw(
            st.just({}) | st.dictionaries(st.text(), st.none() | st.floats() | st.text(), max_size=3)
        ),
        reason=draw(st.none() | st.text()),
    )
