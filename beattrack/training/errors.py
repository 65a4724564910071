"""Errors of training runs."""

from __future__ import annotations

from beattrack.errors import BeattrackError


class TrainingError(BeattrackError):
    """A run cannot be started, continued or exported."""


class SharedError(TrainingError):
    """An error that all processes of a run raise; only the first process prints it."""


class RankLostError(SharedError):
    """Another process of the run ended, so that this one cannot continue."""
