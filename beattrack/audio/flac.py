"""FLAC files that were joined or that end with tags of other formats, where libFLAC loses sync."""

from __future__ import annotations

from typing import IO

from beattrack.audio.parts import Layout, Part, Window, after_tags, before_tags

_START = b"fLaC\x00\x00\x00\x22"  # the marker, and the header of the block that always comes first


def inspect(file: IO[bytes], size: int) -> Layout | None:
    """Return the FLAC files in a file, without tags behind them, or None if it is a single one."""
    window = Window(file, size)
    starts = [after_tags(window, 0)]
    while (place := window.find(_START, starts[-1] + len(_START))) >= 0:
        starts.append(place)
    stops = [before_tags(window, stop) for stop in [*starts[1:], size]]
    if (starts[0], stops) == (0, [size]):
        return None
    return Layout(tuple(Part(((start, stop),)) for start, stop in zip(starts, stops, strict=True)))
