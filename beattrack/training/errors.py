"""What ends a training run that cannot go on."""

from __future__ import annotations

from beattrack.errors import BeattrackError


class TrainingError(BeattrackError):
    """A run cannot start, go on or be exported."""
