"""Put the beats of a recording on their grid, for DJ software and charts that know constant tempi only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.peaks import fine_times
from beattrack.gridding.snap import Gridded, on_grid
from beattrack.result import Beats
from beattrack.tempo import Tempo, TempoCandidate


def on_their_grid(beats: Beats, activations: Activations | None = None) -> Beats:
    """Return beats on the grid that fits them best, with `Beats.grid`.

    Beats keep their positions in the bar; those that the grid fills in count on from the beat before, and
    have the confidence 0. If the beats follow no grid, they stay as they are, and `Beats.grid` says why. A
    second reading is put on its own grid.

    Args:
        beats: the beats.
        activations: activations that they were found in, for times more exact than a frame.
    """
    fine = None if activations is None else fine_times(beats.times, activations)
    if beats.alternative is not None:
        beats = replace(beats, alternative=on_their_grid(beats.alternative, activations))
    found = on_grid(beats.times, beats.duration, fine if _is_rising(fine) else None)
    if not found.grid.gridable:
        return replace(beats, grid=found.grid)
    return replace(
        beats,
        times=found.times,
        positions=_positions(beats, found),
        certainty=None if beats.certainty is None else beats.certainty.of_beats(found.tracked),
        confidence=np.where(found.tracked < 0, 0.0, beats.confidence[found.tracked]),
        tempo=_tempo(beats.tempo, found),
        grid=found.grid,
    )


def _is_rising(times: NDArray[np.float64] | None) -> bool:
    return times is not None and bool((np.diff(times) > 0).all())


def _positions(beats: Beats, found: Gridded) -> NDArray[np.int64] | None:
    if beats.positions is None:
        return None
    metre = beats.metre or int(beats.positions.max(initial=1))
    positions: list[int] = []
    for tracked in found.tracked.tolist():
        positions.append(int(beats.positions[tracked]) if tracked >= 0 else positions[-1] % metre + 1)
    return np.array(positions, dtype=np.int64)


def _tempo(tempo: Tempo | None, found: Gridded) -> Tempo | None:
    """Return the tempo of a grid of one piece; with several pieces it remains that of the tracked beats."""
    if tempo is None or len(found.grid.pieces) != 1:
        return tempo
    bpm = found.grid.pieces[0].bpm
    candidates = tuple(
        TempoCandidate(round(candidate.bpm * bpm / tempo.bpm, 3), candidate.strength)
        for candidate in tempo.candidates
    )
    return Tempo(bpm, candidates, 0.0)
