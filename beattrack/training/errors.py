"""Errors of training runs."""

from __future__ import annotations

from beattrack.errors import BeattrackError


class TrainingError(BeattrackError):
    """A run cannot be started, continued or exported."""
