"""One line per beat on a text stream, flushed at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TextIO

from beattrack.decoding.online import OnlineBeat
from beattrack.live.output import Moment

UNKNOWN = "-"


class BeatLines:
    """Write beats as lines.

    Args:
        file: text stream.
        as_json: write a JSON object per line instead of time, position and tempo, separated by tabs.
        before: called before each line.
    """

    def __init__(
        self, file: TextIO, *, as_json: bool = False, before: Callable[[], None] | None = None
    ) -> None:
        self._file = file
        self._line = json_line if as_json else text_line
        self._before = before

    def beat(self, beat: OnlineBeat) -> None:
        """Write a line."""
        if self._before is not None:
            self._before()
        self._file.write(self._line(beat) + "\n")
        self._file.flush()

    def update(self, moment: Moment) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing; each line was flushed."""


def text_line(beat: OnlineBeat) -> str:
    """Return time in seconds, position in the bar and beats per minute, separated by tabs."""
    position = UNKNOWN if not beat.position else str(beat.position)
    bpm = UNKNOWN if not beat.bpm else f"{beat.bpm:.1f}"
    return f"{beat.time:.3f}\t{position}\t{bpm}"


def json_line(beat: OnlineBeat) -> str:
    """Return a JSON object with the fields of the beat, rounded as they are known."""
    fields = {
        name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(beat).items()
    }
    return json.dumps(fields, allow_nan=False)
