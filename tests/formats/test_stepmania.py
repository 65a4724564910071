from __future__ import annotations

import re

import numpy as np
import pytest

from beattrack.formats import encode
from beattrack.result import Beats
from tests.timing_cases import bars, followed, recording, song, steady


def tags(beats: Beats) -> dict[str, str]:
    text = encode(beats, "stepmania").decode()
    return dict(re.findall(r"#(\w+):((?:[^;\\]|\\.)*);", text))


def changes(beats: Beats) -> list[tuple[float, float]]:
    pairs = [pair.strip().split("=") for pair in tags(beats)["BPMS"].split(",")]
    return [(float(place), float(bpm)) for place, bpm in pairs]


def test_a_steady_song_has_one_tempo_and_beat_0_is_a_downbeat() -> None:
    beats = recording(steady(174, 400), bars(*[4] * 100))
    ((place, bpm),) = changes(beats)
    assert place == 0
    assert bpm == pytest.approx(174, abs=0.01)
    assert float(tags(beats)["OFFSET"]) == pytest.approx(-0.2, abs=0.006)


def test_beats_are_followed_and_a_pick_up_ends_a_measure() -> None:
    beats = song(300)  # with a pick-up of two beats
    places = [float(place) for place in range(2, 2 + len(beats))]
    found = followed(changes(beats), places, start=-float(tags(beats)["OFFSET"]))
    assert np.abs(np.array(found) - beats.times).max() < 0.0125


def test_the_simfile_package_reads_it() -> None:
    simfile = pytest.importorskip("simfile")
    engine = pytest.importorskip("simfile.timing.engine")
    timing = pytest.importorskip("simfile.timing")
    beats = song(60)
    found = simfile.loads(encode(beats, "stepmania").decode())
    assert found.title == "song & <more>"
    clock = engine.TimingEngine(timing.TimingData(found))
    times = [float(clock.time_at(timing.Beat(place))) for place in range(2, 2 + len(beats))]
    assert np.abs(np.array(times) - beats.times).max() < 0.0135


def test_names_are_escaped() -> None:
    assert tags(recording([0.5, 1.0], file="a:b;c#d.wav"))["TITLE"] == r"a\:b\;c\#d"


def test_no_beats_and_one_beat_have_a_tempo() -> None:
    assert tags(recording([], []))["BPMS"] == "0.000=120.000000"
    assert tags(recording([0.7], [1]))["OFFSET"] == "-0.700000"
