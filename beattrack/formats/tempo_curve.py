"""The tempo curve of a recording as CSV: columns `time,bpm`, the local tempo at each beat.

The tempo is empty for a single beat between pauses.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from beattrack.formats.milliseconds import seconds_text
from beattrack.tempo import local_tempo

if TYPE_CHECKING:
    from beattrack.result import Beats

USUAL_METRE = 4  # of music whose bars are not known


def tempo_curve_csv(beats: Beats) -> str:
    """Return the local tempo at each beat, taken from the beats within a bar on each side."""
    tempi = local_tempo(beats.times, beats.metre or USUAL_METRE).tolist()
    rows = zip(seconds_text(beats.times.tolist()), tempi, strict=True)
    lines = [f"{time},{'' if math.isnan(bpm) else f'{bpm:.3f}'}" for time, bpm in rows]
    return "\n".join(["time,bpm", *lines]) + "\n"
