"""Rows of the index of songs."""

from __future__ import annotations

from typing import Any


def row(name: str, **changes: Any) -> dict[str, Any]:
    """A song in 4/4 from tick 0 on; 480 ticks a quarter."""
    usual = {
        "id": name,
        "genre": name.split("-")[0],
        "licence": "none stated for the MIDI files",
        "metre": "4/4",
        "beat_quarters": 1.0,
        "signature_ticks": [[0, 4, 4]],
        "first_downbeat_tick": 0,
        "bars_per_felt_bar": 1,
        "felt_bar_parity": 0,
        "downbeats": "yes",
        "rephased": False,
        "expressive": False,
        "arranged": False,
    }
    return usual | changes
