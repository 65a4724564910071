from __future__ import annotations

from pathlib import Path

import numpy as np

from beattrack.formats import encode
from beattrack.formats.readers import read_beats
from tests.timing_cases import bars, recording, song


def test_a_label_track_to_the_letter() -> None:
    text = encode(recording([0.5, 1.0, 1.5, 2.25], [4, 1, 2, 3]), "audacity").decode()
    assert text.splitlines() == [
        "0.500000\t0.500000\t0.4",
        "1.000000\t1.000000\t1.1",
        "1.500000\t1.500000\t1.2",
        "2.250000\t2.250000\t1.3",
    ]
    assert encode(recording([0.5]), "audacity") == b"0.500000\t0.500000\tbeat\n"


def test_labels_are_read_back(tmp_path: Path) -> None:
    beats = song(60)
    (tmp_path / "a.txt").write_bytes(encode(beats, "audacity"))
    found = read_beats(tmp_path / "a.txt")
    assert np.abs(found.times - beats.times).max() < 1e-6
    assert np.array_equal(found.positions, beats.positions)  # type: ignore[arg-type]
    rows = [line.split("\t") for line in (tmp_path / "a.txt").read_text().splitlines()]
    assert all(len(row) == 3 and row[0] == row[1] for row in rows)


def test_labels_without_bars_are_read_back(tmp_path: Path) -> None:
    beats = recording(0.3 + np.arange(12) * 0.5)
    (tmp_path / "a.txt").write_bytes(encode(beats, "audacity"))
    found = read_beats(tmp_path / "a.txt")
    assert np.allclose(found.times, beats.times)
    assert found.downbeats is not None
    assert found.downbeats.size == 0


def test_long_bars_have_labels_of_two_digits() -> None:
    text = encode(recording(np.arange(11) * 0.5, bars(11)), "audacity").decode()
    assert text.splitlines()[-1].endswith("\t1.11")
