from __future__ import annotations

import pytest

from beattrack.cluster.durations import TYPICAL_SECONDS, expected_seconds


@pytest.mark.parametrize(
    ("name", "size", "low", "high"),
    [
        ("a/song.wav", 42_336_000, 239, 241),
        ("song.MP3", 3_840_000, 120, 240),  # 4 minutes at 128 kbit/s
        ("s3://bucket/song.flac", 24_000_000, 200, 260),
        ("https://host/song.wav?key=1.mp3", 176_400, 0.9, 1.1),
        ("song", 24_000, 0.9, 1.1),
    ],
)
def test_durations_by_suffix_and_size(name: str, size: int, low: float, high: float) -> None:
    assert low <= expected_seconds(name, size) <= high


def test_a_file_of_unknown_size_counts_as_a_typical_song() -> None:
    assert expected_seconds("s3://bucket/song.wav", 0) == TYPICAL_SECONDS
