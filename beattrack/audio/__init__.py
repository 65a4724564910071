"""Audio: files of every kind, decoded, mixed down and resampled."""

from beattrack.audio.reading import AudioWarning, Source, from_samples, load, read_blocks

__all__ = ["AudioWarning", "Source", "from_samples", "load", "read_blocks"]
