"""Audio input: decode, mix down and resample recordings."""

from beattrack.audio.excerpt import Excerpt, ExcerptBlocks, excerpt_of_samples, read_excerpt
from beattrack.audio.reading import AudioWarning, Source, from_samples, load, read_blocks
from beattrack.audio.sources import file_name, is_content

__all__ = [
    "AudioWarning",
    "Excerpt",
    "ExcerptBlocks",
    "Source",
    "excerpt_of_samples",
    "file_name",
    "from_samples",
    "is_content",
    "load",
    "read_blocks",
    "read_excerpt",
]
