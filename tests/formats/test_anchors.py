from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beattrack.decoding.anchors import Anchors
from beattrack.errors import SettingsError
from beattrack.formats.anchors import read_anchors
from beattrack.formats.sequence import BeatFileError
from beattrack.result import Beats

LINES = {
    "one time": ("5.31\n", [(5.31, None)]),
    "one downbeat": ("5.31 1\n", [(5.31, 1)]),
    "some have positions": ("# tapped\n5.31 1\n\n7.2\n9.05 3\n", [(5.31, 1), (7.2, None), (9.05, 3)]),
    "decimal commas": ("5,31 1\n7,2 2\n9,05 3\n", [(5.31, 1), (7.2, 2), (9.05, 3)]),
    "tabs": ("5.31\t1\n7.2\n9.05\t3\n", [(5.31, 1), (7.2, None), (9.05, 3)]),
    "commas": ("5.31,1\n7.2\n9.05,3\n", [(5.31, 1), (7.2, None), (9.05, 3)]),
    "any order": ("7.2 4\n5.31 1\n", [(5.31, 1), (7.2, 4)]),
    "whole seconds": ("5 1\n7 1\n9 1\n11 1\n", [(5.0, 1), (7.0, 1), (9.0, 1), (11.0, 1)]),
    "far apart": ("10 1\n60 1\n130.5 1\n200 1\n290 1\n", [(10, 1), (60, 1), (130.5, 1), (200, 1), (290, 1)]),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_of_times_and_positions(tmp_path: Path, name: str) -> None:
    text, pairs = LINES[name]
    (tmp_path / "a.txt").write_text(text)
    assert read_anchors(tmp_path / "a.txt").pairs == pairs
    assert read_anchors(tmp_path / "a.txt").tolerance == 0.07


FILES = {
    "labels of Audacity, far apart": (
        "30.0\t30.0\t1\n62.0\t62.0\t1\n95.5\t95.5\t1\n130.0\t130.0\t1\n",
        [(30.0, 1), (62.0, 1), (95.5, 1), (130.0, 1)],
    ),
    "flags of downbeats": ("0.5,0\n1.0,1\n1.5,0\n", [(0.5, None), (1.0, 1), (1.5, None)]),
    "header": ("time,position\n0.5,3\n1.0,4\n", [(0.5, 3), (1.0, 4)]),
    "JSON": (
        json.dumps({"beats": [0.5, 1.0, 1.5], "downbeats": [1.0]}),
        [(0.5, 4), (1.0, 1), (1.5, 2)],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_beat_files_of_other_tools(tmp_path: Path, name: str) -> None:
    text, pairs = FILES[name]
    (tmp_path / "a.txt").write_text(text)
    assert read_anchors(tmp_path / "a.txt").pairs == pairs


@pytest.mark.parametrize("suffix", [".beats", ".json", ".csv"])
def test_own_files_are_anchors(tmp_path: Path, suffix: str) -> None:
    beats = Beats(
        times=np.array([0.51, 1.02, 1.53]),
        positions=np.array([4, 1, 2]),
        confidence=np.full(3, 0.9),
        duration=2.0,
    )
    beats.save(tmp_path / f"song{suffix}")
    expected = Anchors((0.51, 1.02, 1.53), (4, 1, 2), tolerance=0.02)
    assert read_anchors(tmp_path / f"song{suffix}", 0.02) == expected


def test_files_in_other_units_are_converted(tmp_path: Path) -> None:
    (tmp_path / "a.beats").write_text("# units: samples\n# units_per_second: 44100\n22050\t1\n44100\t2\n")
    assert read_anchors(tmp_path / "a.beats").pairs == [(0.5, 1), (1.0, 2)]


@pytest.mark.parametrize("text", ["", "# nothing\n", "hello\n", "-1.0 1\n", "nan\n"])
def test_what_holds_no_anchors_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises((BeatFileError, SettingsError)) as raised:
        read_anchors(tmp_path / "a.txt")
    assert str(raised.value).startswith(f"{tmp_path / 'a.txt'}: ")
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BeatFileError, match="cannot be read"):
        read_anchors(tmp_path / "none.txt")


@pytest.mark.parametrize("text", ["5 0\n9 65\n", "5 99\n", "5 -1\n"])
def test_a_position_that_cannot_be_one_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "song.anchors"
    path.write_text(text)
    with pytest.raises(BeatFileError, match=r"has the position (65|99|-1); positions are 1 to 32"):
        read_anchors(path)


def test_a_position_of_0_is_none(tmp_path: Path) -> None:
    path = tmp_path / "song.anchors"
    path.write_text("# units: seconds\n5 0\n9 2\n")
    assert read_anchors(path).positions == (None, 2)
