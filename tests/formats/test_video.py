from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest

from beattrack.formats import WriteOptions, encode
from beattrack.formats.video import frame_rate
from beattrack.result import Beats
from tests.timing_cases import bars, recording, song

EVENT = re.compile(
    r"^(\d{3,})  001      V     C        (\S{11}) (\S{11}) \2 \3\n \|C:ResolveColor(\w+) \|M:(\S+) \|D:1$",
    re.MULTILINE,
)


def seconds(timecode: str, rate: float, nominal: int) -> float:
    hours, minutes, whole, frames = map(int, timecode.split(":"))
    return ((hours * 60 + minutes) * 60 + whole) * nominal / rate + frames / rate


@pytest.mark.parametrize(("rate", "nominal"), [(24, 24), (25, 25), (29.97, 30), (23.976, 24), (60, 60)])
def test_markers_of_an_edit_list_are_on_the_nearest_frame(rate: float, nominal: int) -> None:
    beats = song(300)
    text = encode(beats, "edl", WriteOptions(fps=rate)).decode()
    assert text.startswith("TITLE: song & <more>\nFCM: NON-DROP FRAME\n\n001  001 ")
    rows = EVENT.findall(text)
    assert [int(row[0]) for row in rows] == list(range(1, len(beats) + 1))
    exact = float(frame_rate(rate))
    start = seconds("01:00:00:00", exact, nominal)
    times = np.array([seconds(row[1], exact, nominal) - start for row in rows])
    assert np.abs(times - beats.times).max() <= 0.5 / rate + 1e-6
    assert [row[3] == "Red" for row in rows] == (beats.positions == 1).tolist()  # type: ignore[union-attr]


def rational(text: str) -> Fraction:
    return Fraction(text.removesuffix("s"))


@pytest.mark.parametrize("rate", [24.0, 25.0, 29.97, 50.0])
def test_markers_of_fcpxml_are_whole_frames(rate: float) -> None:
    beats = song(60)
    data = encode(beats, "fcpxml", WriteOptions(fps=rate))
    assert b"<!DOCTYPE fcpxml>" in data
    root = ElementTree.fromstring(data)
    frame = rational(next(root.iter("format")).get("frameDuration", ""))
    assert frame == 1 / frame_rate(rate)
    gap = next(root.iter("gap"))
    starts = [rational(marker.get("start", "")) for marker in gap]
    assert all(start % frame == 0 for start in starts)
    assert np.abs(np.array([float(start) for start in starts]) - beats.times).max() <= 0.5 / rate + 1e-6
    assert starts[-1] + frame <= rational(gap.get("duration", ""))
    assert {rational(marker.get("duration", "")) for marker in gap} == {frame}


def test_markers_are_named_by_bar_and_beat() -> None:
    def names(beats: Beats) -> list[str | None]:
        return [each.get("value") for each in ElementTree.fromstring(encode(beats, "fcpxml")).iter("marker")]

    assert names(recording([0.5, 1.0, 1.5], bars(2, pick_up=1))) == ["0.4", "1.1", "1.2"]
    assert names(recording([0.5, 1.0])) == ["Beat 1", "Beat 2"]


def test_broadcast_rates_are_exact() -> None:
    assert frame_rate(23.976) == Fraction(24000, 1001)
    assert frame_rate(29.97) == Fraction(30000, 1001)
    assert frame_rate(59.94) == Fraction(60000, 1001)
    assert frame_rate(25) == 25
    assert frame_rate(12.5) == Fraction(25, 2)
