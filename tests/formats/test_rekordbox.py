from __future__ import annotations

from itertools import pairwise
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from beattrack.formats import encode
from beattrack.result import Beats
from tests.timing_cases import bars, recording, song, steady


def track(beats: Beats) -> ElementTree.Element:
    root = ElementTree.fromstring(encode(beats, "rekordbox"))
    assert (root.tag, root.get("Version")) == ("DJ_PLAYLISTS", "1.0.0")
    (found,) = root.iter("TRACK")
    return found


def beat_grid(beats: Beats) -> list[tuple[float, int]]:
    """Times and positions as rekordbox lays them out: each TEMPO lasts until the next, counting 1 to 4."""
    tempi = [each.attrib for each in track(beats).iter("TEMPO")]
    found = []
    for number, tempo in enumerate(tempi):
        start, period, first = float(tempo["Inizio"]), 60 / float(tempo["Bpm"]), int(tempo["Battito"])
        end = float(tempi[number + 1]["Inizio"]) if number + 1 < len(tempi) else beats.times[-1] + 0.05
        last = number + 1 == len(tempi)
        count = int((end - start) / period) + 1 if last else max(1, round((end - start) / period))
        found += [(start + beat * period, (first - 1 + beat) % 4 + 1) for beat in range(count)]
    return found


def test_a_steady_song_has_one_tempo() -> None:
    beats = recording(steady(126.5, 600), bars(*[4] * 150))
    (tempo,) = track(beats).iter("TEMPO")
    assert (tempo.get("Bpm"), tempo.get("Metro"), tempo.get("Battito")) == ("126.50", "4/4", "1")
    errors = np.array([time for time, _ in beat_grid(beats)]) - beats.times
    assert np.abs(errors).max() < 0.013


def test_the_grid_follows_drift_and_metre_changes() -> None:
    beats = song(300)
    assert beats.positions is not None
    found = beat_grid(beats)
    assert len(found) == len(beats)
    assert np.abs(np.array([time for time, _ in found]) - beats.times).max() < 0.013
    assert [position for _, position in found] == beats.positions.tolist()


def test_bars_of_three_begin_with_a_tempo_each() -> None:
    beats = recording(np.arange(9) * 0.5, bars(3, 3, 3), metre=3)
    tempi = list(track(beats).iter("TEMPO"))
    assert [(t.get("Inizio"), t.get("Battito"), t.get("Metro")) for t in tempi] == [
        ("0.000", "1", "3/4"),
        ("1.500", "1", "3/4"),
        ("3.000", "1", "3/4"),
    ]


def test_the_track_is_named_and_found() -> None:
    beats = recording(np.arange(8) * 0.5, bars(4, 4), file="/music/a b & <c>.wav")
    found = track(beats)
    assert found.get("Name") == "a b & <c>"
    assert found.get("AverageBpm") == "120.00"
    assert unquote(found.get("Location", "")) == "file://localhost//music/a b & <c>.wav".replace(
        "//music", "/music"
    )
    assert track(recording([0.5], file=None)).get("Location") is None


def test_times_are_in_order() -> None:
    starts = [float(tempo.get("Inizio", "")) for tempo in track(song(120)).iter("TEMPO")]
    assert all(before < after for before, after in pairwise(starts))
