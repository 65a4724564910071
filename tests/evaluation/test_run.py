from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beattrack.datasets import Problem, load_dataset
from beattrack.errors import SettingsError
from beattrack.evaluation import run
from beattrack.evaluation.matching import MatchingError
from beattrack.evaluation.run import Inputs, RunSettings, from_files, from_folders, from_predictions, score
from beattrack.evaluation.score import Item
from beattrack.formats.readers import BeatFileError, BeatSequence
from tests.evaluation_cases import items, steady

pytest.importorskip("mir_eval")


@pytest.fixture
def write(tmp_path):
    def write(name: str, times=(0.5, 1.0, 1.5, 2.0), positions=(1, 2, 3, 4)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if positions is None:
            path.write_text("".join(f"{time}\n" for time in times))
        else:
            path.write_text("".join(f"{t}\t{p}\n" for t, p in zip(times, positions, strict=True)))
        return path

    return write


def test_a_pair_takes_the_name_of_the_reference(write):
    (item,) = from_files(write("mine.txt", times=(0.6, 1.1), positions=(1, 2)), write("song.beats")).items
    assert item.id == "song"
    assert item.estimate.times.tolist() == [0.6, 1.1]
    assert item.reference.times.size == 4


def test_folders_are_matched_by_name(write, tmp_path):
    for name in (
        "est/a.downbeats.txt",
        "est/b.downbeats.txt",
        "est/x.downbeats.txt",
        "ref/a.beats",
        "ref/y.beats",
    ):
        write(name)
    (tmp_path / "ref/b.beats").write_text("nonsense here\n")
    inputs = from_folders(tmp_path / "est", tmp_path / "ref", suffix=".downbeats.txt")
    assert [item.id for item in inputs.items] == ["a"]
    left = {problem.file: problem.reason for problem in inputs.left_out}
    assert left.pop("y") == "has no prediction"
    assert left.pop(str(tmp_path / "est/x.downbeats.txt")) == "has no annotation"
    assert left.pop(str(tmp_path / "est/b.downbeats.txt")) == "has no annotation"
    assert "line 1" in left.pop(str(tmp_path / "ref/b.beats"))
    assert left == {}


def test_missing_predictions_can_count_as_silence(write, tmp_path):
    for name in ("est/a.beats", "ref/a.beats", "ref/b.beats"):
        write(name)
    inputs = from_folders(tmp_path / "est", tmp_path / "ref", missing="zero")
    run = score(inputs, RunSettings(), name="x", dataset="y")
    assert {file.id: file.values["beats.f_measure"] for file in run.scores} == {"a": 1.0, "b": 0.0}
    assert "estimate: no prediction" in run.notes()


def test_gtzan_names_tell_the_genre_and_tempo_lies_beside(write, tmp_path):
    write("est/blues.00000.beats")
    write("ref/beats/gtzan_blues_00000.beats")
    (tmp_path / "ref/tempo").mkdir()
    (tmp_path / "ref/tempo/gtzan_blues_00000.bpm").write_text("120\n")
    (item,) = from_folders(tmp_path / "est", tmp_path / "ref/beats").items
    assert (item.id, item.genre, item.reference.tempo) == ("gtzan_blues_00000", "blues", 120.0)


def test_predictions_of_a_folder_dataset_may_lie_flat_or_in_folders(write, tmp_path):
    for name in ("data/jazz/one.beats", "data/rock/two.beats", "flat/one.beats", "flat/two.beats"):
        write(name)
    write("deep/jazz/one.beats")
    write("deep/rock/one.beats")
    dataset = load_dataset(f"folder:{tmp_path / 'data'}", need_audio=False)
    assert [item.id for item in from_predictions(dataset, tmp_path / "flat").items] == [
        "jazz/one",
        "rock/two",
    ]
    assert [item.id for item in from_predictions(dataset, tmp_path / "deep").items] == ["jazz/one"]


def test_tempo_files_of_the_tracker_are_read(write, tmp_path):
    write("est/a.downbeats.txt")
    write("ref/a.beats")
    (tmp_path / "est/a.bpm.txt").write_text("60 120 0.3\n")
    inputs = from_folders(
        tmp_path / "est", tmp_path / "ref", suffix=".downbeats.txt", tempo_suffix=".bpm.txt"
    )
    assert inputs.items[0].estimate.tempo == 120.0


def test_downbeats_are_scored_for_all_files_or_none():
    reference = steady()
    plain = BeatSequence(reference.times)
    both = Inputs((Item("a", reference, reference), Item("b", reference, plain)))
    run = score(both, RunSettings(), name="x", dataset="y")
    assert [file.values["downbeats.f_measure"] for file in run.scores] == [1.0, 0.0]
    none = score(Inputs((Item("a", reference, plain),)), RunSettings(), name="x", dataset="y")
    assert "downbeats.f_measure" not in none.scores[0].values
    assert none.settings["downbeats_estimated"] is False


def test_annotated_tempo_is_the_reference_where_all_files_have_it():
    beats = steady()
    with_tempo = BeatSequence(beats.times, beats.positions, 60.0)
    some = Inputs((Item("a", with_tempo, beats), Item("b", beats, beats)))
    every = Inputs((Item("a", with_tempo, beats), Item("b", with_tempo, beats)))
    names = [
        score(inputs, RunSettings(tempo_reference=kind), name="x", dataset="y").settings["tempo_reference"]
        for inputs, kind in ((some, "auto"), (every, "auto"), (every, "ibi"), (some, "annotated"))
    ]
    intervals = "median inter-beat interval"
    assert names == [intervals, "annotated tempo", intervals, "annotated tempo"]
    with pytest.raises(SettingsError, match="no file has an annotated tempo"):
        score(
            Inputs((Item("a", beats, beats),)),
            RunSettings(tempo_reference="annotated"),
            name="x",
            dataset="y",
        )


def test_processes_give_the_same_scores(monkeypatch):
    monkeypatch.setattr("beattrack.evaluation.run.PARALLEL_FROM", 2)
    inputs = Inputs(tuple(items()))
    here = score(inputs, RunSettings(jobs=1), name="x", dataset="y")
    there = score(inputs, RunSettings(jobs=2), name="x", dataset="y")
    assert [file.values for file in here.scores] == [file.values for file in there.scores]


def test_nothing_to_score_is_an_error(write, tmp_path):
    with pytest.raises(MatchingError, match="nothing to score"):
        score(Inputs(()), RunSettings(), name="x", dataset="y")
    write("est/a.beats")
    write("ref/b.beats")
    with pytest.raises(MatchingError, match="no prediction"):
        from_folders(tmp_path / "est", tmp_path / "ref")


def test_an_annotation_without_beats_is_nothing_to_score(write, tmp_path):
    empty = tmp_path / "empty.beats"
    empty.touch()
    with pytest.raises(BeatFileError, match=r"empty\.beats: has no beats, so there is nothing to score"):
        from_files(write("est.beats"), empty)
    assert from_files(empty, write("ref.beats")).items[0].estimate.times.size == 0  # nothing was found


def test_too_many_beats_are_left_out_before_hours_of_computing(monkeypatch):
    monkeypatch.setattr(run, "MAX_PAIRS", 60 * 60)
    long = steady(seconds=40)
    inputs = Inputs((Item("short", steady(), steady()), Item("long", long, long)))
    result = score(inputs, RunSettings(), name="x", dataset="y")
    assert [file.id for file in result.scores] == ["short"]
    assert result.left_out == (
        Problem("long", "has 80 annotated and 80 estimated beats, too many to score; split it into parts"),
    )
    with pytest.raises(MatchingError, match="nothing to score: long has 80 annotated and 80 estimated"):
        score(Inputs((Item("long", long, long),)), RunSettings(), name="x", dataset="y")


def test_beats_of_another_recording_are_left_out():
    excerpt, song = replace(steady(seconds=30), duration=30.0), steady(seconds=240)
    late = replace(steady(seconds=30.4), duration=None)  # the last beat just after the end
    inputs = Inputs(
        (Item("a", song, excerpt), Item("b", excerpt, song), Item("c", late, excerpt), Item("d", song, song))
    )
    result = score(inputs, RunSettings(), name="x", dataset="y")
    assert [file.id for file in result.scores] == ["c", "d"]
    assert [problem.reason for problem in result.left_out] == [
        "has an annotation up to 239.8 s, but the recording has 30.0 s",
        "has an estimate up to 239.8 s, but the recording has 30.0 s",
    ]


def test_published_numbers(shared):
    """The means over the 50 public excerpts, as computed once with mir_eval 0.8.2 by itself."""
    home = shared / "data" / "gtzan_dev"
    if not (home / "published_tcn2020").is_dir():
        pytest.skip("needs the published detections")
    inputs = from_predictions(
        load_dataset("gtzan", data_home=home, need_audio=False),
        home / "published_tcn2020",
        suffix=".downbeats.txt",
        tempo_suffix=".bpm.txt",
    )
    summary = score(inputs, RunSettings(), name="TCN 2020", dataset="gtzan").summary
    expected = {
        "beats.f_measure": 0.8871,
        "beats.cmlt": 0.8215,
        "beats.amlt": 0.9498,
        "downbeats.f_measure": 0.6822,
        "downbeats.cmlt": 0.6835,
        "downbeats.amlt": 0.8465,
        "tempo.acc1": 0.84,
        "tempo.acc2": 0.98,
    }
    assert {key: summary.mean(key) for key in expected} == pytest.approx(expected, abs=5e-5)
    assert summary.files == 50
    assert np.isclose(summary.mean("timing.mean_ms"), -8.6, atol=0.05)
