"""Beats, downbeats and tempo of any recording.

`beattrack.track("song.wav")` is the one-line use; see `BeatTracker` to keep a model for many files.
"""

__version__ = "0.1.0"
