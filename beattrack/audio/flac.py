"""FLAC files that were joined, or that have foreign tags behind them, at which libFLAC loses its place."""

from __future__ import annotations

from typing import IO

from beattrack.audio.parts import Layout, Part, Window, after_tags, before_tags

_START = b"fLaC\x00\x00\x00\x22"  # the marker, and the block that every file begins with


def inspect(file: IO[bytes], size: int) -> Layout | None:
    """Return the files in a FLAC file without what is between and behind them, or None if it is nothing but one."""
    window = Window(file, size)
    starts = [after_tags(window, 0)]
    while (place := window.find(_START, starts[-1] + len(_START))) >= 0:
        starts.append(place)
    stops = [before_tags(window, stop) for stop in [*starts[1:], size]]
    if (starts[0], stops) == (0, [size]):
        return None
    return Layout(tuple(Part(((start, stop),)) for start, stop in zip(starts, stops, strict=True)))
