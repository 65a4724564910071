"""What is promised of every result."""

from __future__ import annotations

import json
import math

import numpy as np

from beattrack.result import Beats


def check(beats: Beats) -> Beats:
    """Check all that holds for the beats of any recording."""
    times, positions = beats.times, beats.positions
    assert np.isfinite(times).all()
    assert (np.diff(times) > 0).all()
    assert len(times) == 0 or (times[0] >= 0 and times[-1] <= beats.duration)
    assert ((beats.confidence >= 0) & (beats.confidence <= 1)).all()
    assert np.isin(beats.downbeats, times).all()
    assert (beats.tempo is None) == (len(times) < 2)
    if beats.tempo is not None:
        assert 0 < beats.tempo.bpm < math.inf
        assert sum(candidate.strength for candidate in beats.tempo.candidates) > 0.999
    if positions is not None and len(positions):
        longest = positions.max()
        following = positions[:-1] % longest + 1  # 1 follows the last of a bar
        resumed = np.diff(times) > 2.0  # after a pause the music begins anew, wherever in a bar
        assert ((positions[1:] == following) | (positions[1:] == 1) | resumed).all()
    for format in ("beats", "json", "csv"):
        text = beats.to_text(format)  # type: ignore[arg-type]
        assert "nan" not in text.lower()
        assert "inf" not in text.lower()
    assert json.loads(beats.to_text("json"))["duration"] == beats.duration
    return beats


def moved(beats: Beats, reference: Beats, *, by: float = 0.0) -> float:
    """Give the most that a beat moved, in seconds; infinite where the beats are not the same ones."""
    if len(beats) != len(reference):
        return math.inf
    differences = np.abs(beats.times - reference.times - by)
    return float(differences.max(initial=0.0))
