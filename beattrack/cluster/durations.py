"""The expected duration of recordings, from what is known without opening them."""

from __future__ import annotations

from pathlib import PurePosixPath

TYPICAL_SECONDS = 240.0  # of a song of unknown size

# Typical bytes per second: CD quality for uncompressed files, 192 kbit/s or less for lossy ones.
_UNCOMPRESSED, _LOSSLESS, _LOSSY = 176_400.0, 100_000.0, 24_000.0
_RATES = {
    **dict.fromkeys(("wav", "wave", "bwf", "rf64", "w64", "aif", "aiff", "aifc", "au", "snd"), _UNCOMPRESSED),
    **dict.fromkeys(("flac", "ape", "wv", "caf"), _LOSSLESS),
}


def expected_seconds(name: str, size: int) -> float:
    """Estimate the duration of a recording from its suffix and size.

    The order and size of chunks of work depend on it, nothing else, so that a rough estimate is enough and no
    file has to be opened.

    Args:
        name: path or URL of the recording.
        size: its size in bytes; 0 if it is unknown.

    Returns:
        Seconds, above 0.
    """
    if size <= 0:
        return TYPICAL_SECONDS
    suffix = PurePosixPath(name.partition("?")[0]).suffix.lower().removeprefix(".")
    return size / _RATES.get(suffix, _LOSSY)
