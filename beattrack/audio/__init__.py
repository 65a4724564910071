"""Audio input: decode, mix down and resample recordings."""

from beattrack.audio.reading import AudioWarning, Source, from_samples, load, read_blocks
from beattrack.audio.sources import file_name, is_content

__all__ = ["AudioWarning", "Source", "file_name", "from_samples", "is_content", "load", "read_blocks"]
