from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import numpy as np

from beattrack.formats import encode
from beattrack.result import Beats
from tests.timing_cases import bars, followed, recording, song


def project(beats: Beats) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(encode(beats, "dawproject"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["project.xml", "metadata.xml"]
        assert ElementTree.fromstring(archive.read("metadata.xml")).tag == "MetaData"
        return ElementTree.fromstring(archive.read("project.xml"))


def test_elements_are_in_the_order_of_the_schema() -> None:
    root = project(song(60))
    assert (root.tag, root.get("version")) == ("Project", "1.0")
    assert [child.tag for child in root] == ["Application", "Transport", "Arrangement"]
    arrangement = root.find("Arrangement")
    assert arrangement is not None
    assert [child.tag for child in arrangement] == [
        "Lanes",
        "Markers",
        "TempoAutomation",
        "TimeSignatureAutomation",
    ]
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(set(ids)) == len(ids)
    assert {target.get("parameter") for target in root.iter("Target")} <= set(ids)


def test_the_grid_falls_on_the_beats() -> None:
    beats = song(300)
    points = list(project(beats).iter("RealPoint"))
    assert {point.get("interpolation") for point in points} == {"hold"}
    changes = [(float(point.get("time", "")), float(point.get("value", ""))) for point in points]
    lines = np.array(followed(changes, [float(place) for place in range(700)], start=0.0))
    assert max(np.abs(lines - time).min() for time in beats.times) < 0.001


def test_pick_up_metre_changes_and_markers() -> None:
    root = project(recording(0.5 + np.arange(16) * 0.5, bars(4, 3, 3, 4, pick_up=2)))
    found = [
        (p.get("time"), p.get("numerator"), p.get("denominator")) for p in root.iter("TimeSignaturePoint")
    ]
    assert found == [("0", "3", "4"), ("3", "4", "4"), ("7", "3", "4"), ("13", "4", "4")]
    markers = [(each.get("time"), each.get("name")) for each in root.iter("Marker")]
    assert markers == [("3", "Bar 1"), ("7", "Bar 2"), ("10", "Bar 3"), ("13", "Bar 4")]
    # Markers must hold one marker at least.
    assert project(recording([0.5, 1.0])).find("Arrangement/Markers") is None
