"""Recordings whose timing is known, for the tests of formats that hold a tempo map."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from beattrack.formats.tempo_map import TempoPiece, time_at
from beattrack.result import Beats
from beattrack.tempo import estimate_tempo


def recording(times: Any, positions: Any = None, **changes: Any) -> Beats:
    seconds = np.asarray(times, dtype=np.float64)
    values: dict[str, Any] = {
        "times": seconds,
        "positions": None if positions is None else np.asarray(positions),
        "confidence": np.full(len(seconds), 0.9),
        "duration": float(seconds[-1]) + 1 if len(seconds) else 1.0,
        "tempo": estimate_tempo(seconds),
        "metre": None if positions is None else 4,
        "file": "music/song & <more>.wav",
    }
    return Beats(**{**values, **changes})


def bars(*lengths: int, pick_up: int = 0, last: int = 0) -> list[int]:
    """Positions of bars of these lengths, with a pick-up that ends a bar of four before them."""
    first = list(range(5 - pick_up, 5))
    return [*first, *(place for length in lengths for place in range(1, length + 1)), *range(1, last + 1)]


def drifting(count: int, *, first: float = 0.7, seed: int = 1) -> np.ndarray:
    """Beats whose tempo wanders between about 100 and 140 BPM, each a little off."""
    rng = np.random.default_rng(seed)
    periods = 0.5 + 0.07 * np.sin(np.arange(count) / 37) + rng.normal(0, 0.004, count)
    return first + np.concatenate([[0.0], np.cumsum(periods[: count - 1])])


def song(seconds: float = 300.0) -> Beats:
    """A recording with drift, a pick-up of two beats, a change of metre and one short bar."""
    times = drifting(round(seconds / 0.5))
    positions = bars(*[4] * 30, *[3] * 20, 2, *[4] * 200, pick_up=2)[: len(times)]
    return recording(times, positions)


def steady(bpm: float, count: int, *, first: float = 0.2, frame: float = 0.01) -> np.ndarray:
    """Beats of a constant tempo, rounded to frames."""
    return np.round((first + np.arange(count) * 60 / bpm) / frame) * frame


def followed(changes: list[tuple[float, float]], places: list[float], start: float) -> list[float]:
    """Times of places on a list of (place, BPM), added up from one change to the next."""
    lengths = [(after[0] - before[0]) * 60 / before[1] for before, after in pairwise(changes)]
    starts = list(accumulate(lengths, initial=start))
    pieces = [TempoPiece(place, time, 60 / bpm) for (place, bpm), time in zip(changes, starts, strict=True)]
    return [time_at(pieces, place) for place in places]
