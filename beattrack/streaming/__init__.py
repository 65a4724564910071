"""Tracking while the music plays: audio comes in chunks of any size, beats are reported as they happen."""

from beattrack.streaming.tracker import StreamTracker, stream

__all__ = ["StreamTracker", "stream"]
