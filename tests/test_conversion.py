from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beattrack.conversion import read_as_beats
from beattrack.formats.readers import BeatFileError
from tests.example_beats import make_beats


def written(folder: Path, text: str) -> Path:
    (folder / "a.txt").write_text(text)
    return folder / "a.txt"


def test_what_a_file_does_not_state_follows_from_its_times(tmp_path: Path) -> None:
    beats, notes = read_as_beats(written(tmp_path, "0.5\t3\n1.0\t1\n1.5\t2\n2.0\t3\n2.5\t1\n"))
    assert notes == ()
    assert beats.times.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert (beats.bpm, beats.metre, beats.duration) == (pytest.approx(120), 3, 2.5)
    assert beats.confidence.tolist() == [1.0] * 5


def test_beats_are_counted_from_marked_downbeats(tmp_path: Path) -> None:
    beats, _ = read_as_beats(written(tmp_path, "0.5\n1.0\t1\n1.5\n2.0\n2.5\t1\n3.0\n"))
    assert beats.positions is not None
    assert beats.positions.tolist() == [3, 1, 2, 3, 1, 2]
    labelled = written(tmp_path, "0.5\t0.5\tbeat\n1.0\t1.0\tbeat\n1.5\t1.5\tbeat\n2.0\t2.0\tbeat\n")
    assert read_as_beats(labelled)[0].positions is None


def test_our_json_is_read_with_all_that_it_holds(tmp_path: Path) -> None:
    before = make_beats(reason="some reason")
    before.save(tmp_path / "a.json")
    assert read_as_beats(tmp_path / "a.json") == (before, ())


def test_json_of_a_later_schema_is_read_for_its_beats(tmp_path: Path) -> None:
    text = make_beats().to_text("json").replace('"schema_version": 1', '"schema_version": 2')
    beats, _ = read_as_beats(written(tmp_path, text))
    assert np.array_equal(beats.times, make_beats().times)
    assert beats.duration == make_beats().duration


def test_no_beats_are_read_as_none(tmp_path: Path) -> None:
    beats, _ = read_as_beats(written(tmp_path, "# tempo_bpm: none\n# duration: 3.000\n"))
    assert (len(beats), beats.tempo, beats.duration) == (0, None, 3.0)


def test_beats_before_the_recording_are_left_out(tmp_path: Path) -> None:
    beats, notes = read_as_beats(written(tmp_path, "-0.5\n0.0\n0.5\n1.0\n"))
    assert beats.times.tolist() == [0.0, 0.5, 1.0]
    assert notes == ("beats before 0 s were left out",)


def test_what_is_no_beat_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BeatFileError, match=r"a\.txt"):
        read_as_beats(written(tmp_path, "hello world\n"))
