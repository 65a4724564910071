"""The error of runs on a cluster."""

from __future__ import annotations

from beattrack.errors import BeattrackError


class ClusterError(BeattrackError):
    """The cluster cannot be reached, cannot do the work, or was lost."""
