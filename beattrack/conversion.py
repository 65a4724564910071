"""Beat files of any tool as `Beats`, so that they can be written in every output format."""

from __future__ import annotations

import os
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import SettingsError
from beattrack.formats.own import read_record
from beattrack.formats.readers import read_beats
from beattrack.result import Beats, estimate_metre
from beattrack.tempo import estimate_tempo


def read_as_beats(path: str | os.PathLike[str]) -> tuple[Beats, tuple[str, ...]]:
    """Read a beat file of any tool, and beattrack's own JSON with all that it holds.

    Args:
        path: the file; see `beattrack.formats.readers` for what can be read.

    Returns:
        The beats, and notes on what was changed or ignored. What the file does not state follows from the
        times: the tempo, the metre, and the duration up to the last beat. The confidence is then 1.

    Raises:
        BeatFileError: if the file cannot be read as beats.
    """
    sequence = read_beats(path)
    record = read_record(path)
    if record is not None:
        # A later schema, or a file that was edited by hand: its beats can still be read.
        with suppress(SettingsError):
            return Beats.from_dict(record), ()
    kept = sequence.times >= 0
    times = sequence.times[kept]
    notes = tuple(note for note in sequence.notes if "before 0 s" not in note)
    if not kept.all():
        notes += ("beats before 0 s were left out",)
    positions = None if sequence.positions is None else sequence.positions[kept]
    if positions is not None and (positions < 1).any():
        positions = _counted(positions)
    beats = Beats(
        times=times,
        positions=positions,
        confidence=np.ones(len(times)),
        duration=max([sequence.duration or 0.0, *times[-1:].tolist()]),
        tempo=estimate_tempo(times),
        metre=estimate_metre(positions),
        model=sequence.model,
    )
    return beats, notes


def _counted(positions: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return positions counted from the downbeats if only these are marked, or None if there are none."""
    if not (positions == 1).any():
        return None
    index = np.arange(len(positions))
    downbeats = np.flatnonzero(positions == 1)
    since = index - downbeats[np.maximum(np.searchsorted(downbeats, index, side="right") - 1, 0)]
    metre = estimate_metre(positions) or 4
    return np.where(since >= 0, since, since % metre) + 1
