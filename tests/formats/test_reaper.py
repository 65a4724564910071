from __future__ import annotations

import re

import numpy as np
import pytest

from beattrack.formats import encode
from beattrack.result import Beats
from tests.timing_cases import bars, recording, song


def points(beats: Beats) -> list[list[float]]:
    text = encode(beats, "reaper").decode()
    block = text.split("<TEMPOENVEX\n")[1].split("\n  >")[0]
    return [[float(item) for item in row.split()[1:]] for row in block.splitlines() if " PT " in row]


def grid_times(beats: Beats, step: float = 1.0) -> list[float]:
    """Times of the quarter notes by integrating the envelope, as REAPER does."""
    rows = points(beats)
    place, found = 0.0, []
    for number, row in enumerate(rows):
        end = rows[number + 1][0] if number + 1 < len(rows) else beats.duration
        length = (end - row[0]) * row[1] / 60
        first = np.ceil((place - 1e-6) / step) * step
        found += [row[0] + (at - place) * 60 / row[1] for at in np.arange(first, place + length - 1e-6, step)]
        place += length
    return found


def test_chunks_are_balanced() -> None:
    lines = [line.strip() for line in encode(song(60), "reaper").decode().splitlines()]
    assert lines[0].startswith("<REAPER_PROJECT 0.1 ")
    depth = np.cumsum([line.startswith("<") - (line == ">") for line in lines])
    assert depth.min() == 0
    assert depth[-1] == 0
    assert (depth[:-1] > 0).all()


def test_the_rpp_package_reads_it() -> None:
    rpp = pytest.importorskip("rpp")
    project = rpp.loads(encode(song(60), "reaper").decode())
    envelope = project.find("TEMPOENVEX")
    assert len(envelope.findall("PT")) == len(points(song(60)))
    assert len(project.findall("MARKER")) == len(song(60).downbeats)


def test_the_grid_falls_on_the_beats() -> None:
    beats = song(300)
    lines = np.array(grid_times(beats))
    assert max(np.abs(lines - time).min() for time in beats.times) < 0.001


def test_time_signatures_begin_at_downbeats() -> None:
    beats = recording(0.5 + np.arange(16) * 0.5, bars(4, 3, 3, 4, pick_up=2))
    codes = [(row[0], int(row[3]) % 65536, int(row[3]) // 65536) for row in points(beats) if len(row) > 3]
    assert codes == [(0.0, 3, 4), (1.5, 4, 4), (3.5, 3, 4), (6.5, 4, 4)]


def test_each_bar_has_a_marker() -> None:
    beats = recording(0.5 + np.arange(10) * 0.5, bars(4, 4, pick_up=2))
    text = encode(beats, "reaper").decode()
    assert re.findall(r"MARKER (\d+) (\S+) \"(.*)\"", text) == [
        ("1", "1.500000000000", "Bar 1"),
        ("2", "3.500000000000", "Bar 2"),
    ]
    assert "MARKER" not in encode(recording([0.5, 1.0]), "reaper").decode()
