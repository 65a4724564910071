"""A live display in one line: position in the bar, tempo, metre and confidence."""

from __future__ import annotations

import shutil
from typing import TextIO

from beattrack.decoding.online import OnlineBeat, OnlineState
from beattrack.live.output import Moment
from beattrack.runtime.progress import duration

WIDTH = 80
REDRAW_SECONDS = 0.1
SECONDS_SHOWN = 3600 * 1000  # more would not fit
MOST_BEATS = 7  # drawn; bars with more are only numbered


class Display:
    """Draw the state on a terminal, with nothing but carriage returns and spaces.

    Args:
        file: text stream of the terminal.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._drawn = 0  # characters on the line
        self._next = 0.0

    def beat(self, beat: OnlineBeat) -> None:
        """Redraw with the next chunk."""
        self._next = 0.0

    def update(self, moment: Moment) -> None:
        """Redraw, unless the line was drawn just before."""
        now = moment.offset + moment.seconds
        if self._next <= now or now < self._next - 2 * REDRAW_SECONDS:
            self._next = now + REDRAW_SECONDS
            self._draw(status_text(moment.state, moment.seconds))

    def clear(self) -> None:
        """Erase the line, so that other output can take its place."""
        if self._drawn:
            self._file.write("\r" + " " * self._drawn + "\r")
            self._file.flush()
            self._drawn = 0

    def close(self) -> None:
        """Erase the line."""
        self.clear()

    def _draw(self, text: str) -> None:
        text = text[: min(shutil.get_terminal_size().columns, WIDTH) - 1]
        self._file.write("\r" + text.ljust(self._drawn))
        self._file.flush()
        self._drawn = max(len(text), self._drawn)


def status_text(state: OnlineState, seconds: float) -> str:
    """Return the text of the display, at most 79 characters.

    Args:
        state: what the decoder knows.
        seconds: duration of the stream so far.
    """
    clock = duration(min(seconds, SECONDS_SHOWN))
    if not state.bpm:
        return f"{clock:>7}  listening ..."
    parts = [f"{clock:>7}", _bar(state.position, state.metre), f"{state.bpm:5.1f} BPM"]
    if state.metre:
        parts.append(f"{state.metre} beats a bar ({_percent(state.metre_confidence)})")
    parts.append(f"confidence {_percent(state.confidence)}")
    return "  ".join(parts)


def _bar(position: int | None, metre: int | None) -> str:
    """Return the beats of a bar, the current one as its number: [. 2 . .]."""
    if not position or not metre or metre > MOST_BEATS:
        return f"[{position or ' '}]"
    return "[" + " ".join(str(beat) if beat == position else "." for beat in range(1, metre + 1)) + "]"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
