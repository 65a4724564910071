from __future__ import annotations

import re

import numpy as np

from beattrack.formats import encode
from beattrack.formats.chart import RESOLUTION
from beattrack.result import Beats
from tests.timing_cases import bars, followed, recording, song


def sections(beats: Beats) -> dict[str, list[tuple[str, str]]]:
    text = encode(beats, "chart").decode()
    found = re.findall(r"\[(\w+)\]\n\{\n(.*?)\}", text, re.DOTALL)
    return {name: re.findall(r"^  (\w+) = (.*)$", body, re.MULTILINE) for name, body in found}


def tempi(beats: Beats) -> list[tuple[float, float]]:
    events = [(int(tick), event.split()) for tick, event in sections(beats)["SyncTrack"]]
    return [(tick / RESOLUTION, int(event[1]) / 1000) for tick, event in events if event[0] == "B"]


def test_the_sync_track_follows_the_beats() -> None:
    beats = song(300)
    changes = tempi(beats)
    assert changes[0][0] == 0
    lines = np.array(followed(changes, [float(place) for place in range(700)], start=0.0))
    assert max(np.abs(lines - time).min() for time in beats.times) < 0.0125


def test_pick_up_and_metre_changes() -> None:
    beats = recording(0.5 + np.arange(16) * 0.5, bars(4, 3, 3, 4, pick_up=2))
    events = sections(beats)["SyncTrack"]
    assert events == [
        ("0", "TS 3"),
        ("0", "B 120000"),
        ("192", "B 120000"),
        ("576", "TS 4"),
        ("1344", "TS 3"),
        ("2496", "TS 4"),
    ]


def test_short_lead_ins_state_a_denominator() -> None:
    beats = recording(0.2 + np.arange(8) * 0.5, bars(4, 4))
    assert sections(beats)["SyncTrack"][0] == ("0", "TS 1 3")
    assert dict(sections(beats)["Song"])["Resolution"] == "192"


def test_names_stay_within_their_quotes() -> None:
    song_of = dict(sections(recording([0.5], file='a"b\n.wav'))["Song"])
    assert song_of["Name"] == '"a\'b?"'
