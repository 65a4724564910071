"""Sources of symbolic music with exact beats.

`SOURCES` maps their names to functions that take the folder of the archives and return the source.
"""

from __future__ import annotations

from pathlib import Path

from beattrack.rendering.piece import SourceName
from beattrack.rendering.sources.band import BandSource
from beattrack.rendering.sources.base import PieceSource, SourceFactory
from beattrack.rendering.sources.freedoom import FreedoomSource
from beattrack.rendering.sources.groove import GrooveSource
from beattrack.rendering.sources.mma import MmaSource
from beattrack.rendering.sources.nottingham import NottinghamSource
from beattrack.rendering.sources.pop909 import Pop909Source
from beattrack.rendering.sources.simple import SimpleSource
from beattrack.rendering.sources.songs import SongsSource


def _mma(symbolic: Path | None) -> PieceSource:
    return MmaSource()


def _simple(symbolic: Path | None) -> PieceSource:
    return SimpleSource()


def _band(symbolic: Path | None) -> PieceSource:
    return BandSource()


SOURCES: dict[SourceName, SourceFactory] = {
    "songs": SongsSource,
    "simple": _simple,
    "mma": _mma,
    "band": _band,
    "groove": GrooveSource,
    "pop909": Pop909Source,
    "nottingham": NottinghamSource,
    "freedoom": FreedoomSource,
}

__all__ = ["SOURCES", "PieceSource", "SourceFactory"]
