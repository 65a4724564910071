"""FLAC files that were concatenated or that end with tags of other formats, at which libFLAC loses sync."""

from __future__ import annotations

from typing import IO

from beattrack.audio.parts import Layout, Part, Window, after_tags, before_tags

_START = b"fLaC\x00\x00\x00\x22"  # the marker and the header of the block that is always first


def inspect(file: IO[bytes], size: int) -> Layout | None:
    """Return the layout of concatenated FLAC files without their tags, or None if there is only one file."""
    window = Window(file, size)
    starts = [after_tags(window, 0)]
    while (place := window.find(_START, starts[-1] + len(_START))) >= 0:
        starts.append(place)
    stops = [before_tags(window, stop) for stop in [*starts[1:], size]]
    if (starts[0], stops) == (0, [size]):
        return None
    return Layout(tuple(Part(((start, stop),)) for start, stop in zip(starts, stops, strict=True)))
