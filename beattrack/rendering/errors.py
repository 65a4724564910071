"""Errors of rendering."""

from __future__ import annotations

from beattrack.errors import BeattrackError


class RenderError(BeattrackError):
    """A program, archive or soundfont that rendering needs is missing or fails."""


class RejectedPiece(BeattrackError):  # noqa: N818 - a matter of chance, not an error
    """A random piece cannot be used; the caller counts the reason and draws another."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
