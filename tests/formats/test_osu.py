from __future__ import annotations

import numpy as np

from beattrack.formats import encode
from beattrack.result import Beats
from tests.timing_cases import bars, recording, song, steady


def sections(beats: Beats) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines = encode(beats, "osu").decode().splitlines()
    assert lines[0] == "osu file format v14"
    for line in lines[1:]:
        if line.startswith("["):
            found[line.strip("[]")] = []
        elif line:
            found[list(found)[-1]].append(line)
    return found


def played(beats: Beats) -> list[tuple[float, bool]]:
    """Times in seconds, and whether a bar line is there, as the game lays them out."""
    rows = [[float(item) for item in row.split(",")] for row in sections(beats)["TimingPoints"]]
    found = []
    for number, (start, length, metre, *_, inherited, effects) in enumerate(rows):
        assert (len(rows[number]), inherited) == (8, 1)
        end = rows[number + 1][0] if number + 1 < len(rows) else beats.times[-1] * 1000 + 50
        last = number + 1 == len(rows)
        count = int((end - start) / length) + 1 if last else round((end - start) / length)
        for beat in range(count):
            line = beat % int(metre) == 0 and not (beat == 0 and int(effects) & 8)
            found.append(((start + beat * length) / 1000, line))
    return found


def test_a_steady_song_has_one_point() -> None:
    (point,) = sections(recording(steady(180, 400), bars(*[4] * 100)))["TimingPoints"]
    time, length, rest = point.split(",", 2)
    assert abs(int(time) - 200) <= 5
    assert abs(float(length) - 60000 / 180) < 0.05
    assert rest == "4,1,0,100,1,0"


def test_beats_and_bar_lines_are_where_they_belong() -> None:
    beats = song(300)
    assert beats.positions is not None
    found = played(beats)
    assert len(found) == len(beats)
    assert np.abs(np.array([time for time, _ in found]) - beats.times).max() < 0.0135
    assert [line for _, line in found] == (beats.positions == 1).tolist()


def test_a_pick_up_has_no_bar_line() -> None:
    beats = recording(0.5 + np.arange(10) * 0.5, bars(4, 4, pick_up=2))
    assert sections(beats)["TimingPoints"] == ["500,500,4,1,0,100,1,8", "1500,500,4,1,0,100,1,0"]


def test_names_stay_on_one_line() -> None:
    found = sections(recording([0.5], file="a\nb.wav"))
    assert found["General"][0] == "AudioFilename: a?b.wav"
    assert found["TimingPoints"] == []
