from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings

from beattrack.formats import Format, WriteOptions, encode
from beattrack.formats.readers import read_beats
from beattrack.result import Beats
from tests.example_beats import any_beats
from tests.timing_cases import recording, song


@given(any_beats())
@settings(max_examples=40, deadline=None)
def test_a_layer_is_a_model_and_its_points(beats: Beats) -> None:
    root = ElementTree.fromstring(encode(beats, "sv"))
    (model,), (dataset,), (layer,) = root.iter("model"), root.iter("dataset"), root.iter("layer")
    assert model.get("dataset") == dataset.get("id")
    assert layer.get("model") == model.get("id")
    assert (model.get("type"), layer.get("type"), model.get("dimensions")) == ("sparse", "timeinstants", "1")
    frames = [int(point.get("frame", "")) for point in dataset]
    assert len(frames) == len(beats)
    assert all(before < after for before, after in pairwise(frames))
    if frames:
        assert int(model.get("start", "")) <= frames[0]
        assert int(model.get("end", "")) > frames[-1]


def test_frames_are_of_the_rate_of_the_recording() -> None:
    root = ElementTree.fromstring(encode(recording([0.5, 1.0]), "sv", WriteOptions(rate=48000)))
    assert [point.get("frame") for point in root.iter("point")] == ["24000", "48000"]
    assert next(root.iter("model")).get("sampleRate") == "48000"


@pytest.mark.parametrize("format", ["sv", "sv-csv"])
def test_layers_are_read_back(format: Format, tmp_path: Path) -> None:
    beats = song(60)
    (tmp_path / "a").write_bytes(encode(beats, format))
    found = read_beats(tmp_path / "a")
    assert np.abs(found.times - beats.times).max() < 0.00051
    assert np.array_equal(found.positions, beats.positions)  # type: ignore[arg-type]


def test_a_table_without_bars_has_one_column() -> None:
    assert encode(recording([0.5, 1.0]), "sv-csv") == b"0.500\n1.000\n"
