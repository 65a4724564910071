"""What can go wrong while music is rendered."""

from __future__ import annotations

from beattrack.errors import BeattrackError


class RenderError(BeattrackError):
    """A program, archive or soundfont that rendering needs is missing or fails."""


class RejectedPiece(BeattrackError):  # noqa: N818 - an outcome of chance, not a fault
    """A drawn piece is unusable; the caller counts the reason and draws again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
