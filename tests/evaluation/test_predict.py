from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from beattrack import registry
from beattrack.datasets import Track
from beattrack.errors import SettingsError
from beattrack.evaluation.predict import (
    TrackerSpec,
    predict,
    refuse_stated_models,
    refuse_training_data,
)
from tests.audio_cases import posix_only
from tests.fake_tracker import make_tracker


@pytest.fixture
def tracks(tmp_path):
    def make(*names: str):
        made = []
        for number, name in enumerate(names):
            path = tmp_path / f"{name}.wav"
            # Not all the same: the cache knows files by their content.
            soundfile.write(path, np.full(4000 + number, 0.1 * number), 1000)
            made.append(Track(name, path, np.arange(0.5, 4, 0.5)))
        return made

    return make


@pytest.fixture
def run(tmp_path):
    """Track files with the fake, and tell which ones it was really asked for."""
    log = tmp_path / "log.txt"

    def run(tracks, *, identity="model", offset=0.0, **options):
        log.write_text("")
        spec = TrackerSpec("fake", options={"log": str(log), "offset": offset})
        found = predict(tracks, spec, identity={"id": identity}, factory=make_tracker, **options)
        return found, sorted(line.split()[0].removesuffix(".wav") for line in log.read_text().splitlines())

    return run


def test_tracks_every_file(tracks, run):
    found, asked = run(tracks("a", "b"))
    assert asked == ["a", "b"]
    assert found.estimates["a"].times.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    assert found.estimates["a"].positions.tolist() == [1, 2, 3, 4, 1, 2, 3]
    assert found.estimates["a"].tempo == pytest.approx(120)
    assert not found.interrupted


def test_no_beats_are_no_downbeats(tracks, run):
    found, _ = run(tracks("silent"))
    assert found.estimates["silent"].downbeats.size == 0


def test_a_file_that_cannot_be_decoded_does_not_stop_the_others(tracks, run):
    found, _ = run(tracks("a", "broken", "c"))
    assert sorted(found.estimates) == ["a", "c"]
    assert [problem.reason for problem in found.problems] == [f"{found.problems[0].file}: cannot be decoded"]


def test_processes_give_the_same(tracks, run):
    files = tracks("a", "broken", "c", "silent")
    here, there = run(files)[0], run(files, jobs=2)[0]
    assert {name: beats.times.tolist() for name, beats in here.estimates.items()} == {
        name: beats.times.tolist() for name, beats in there.estimates.items()
    }
    assert here.problems == there.problems


@posix_only
def test_a_file_that_kills_its_process_does_not_stop_the_others(tracks, run):
    found, _ = run(tracks("a", "killer", "c"), jobs=2)
    assert sorted(found.estimates) == ["a", "c"]
    (problem,) = found.problems
    assert problem.file.endswith("killer.wav")
    assert problem.reason == "the process that tracked it was killed, possibly because memory ran out"


def test_a_second_run_takes_all_from_the_cache(tracks, run, tmp_path):
    files = tracks("a", "b", "silent")
    first, asked = run(files, cache=tmp_path / "cache")
    assert asked == ["a", "b", "silent"]
    second, asked = run(files, cache=tmp_path / "cache")
    assert asked == []
    for name, beats in first.estimates.items():
        again = second.estimates[name]
        assert again.times.tolist() == beats.times.tolist()
        assert again.positions.tolist() == beats.positions.tolist()
        assert again.tempo == beats.tempo


def test_the_cache_is_for_one_tracker_and_one_content(tracks, run, tmp_path):
    files = tracks("a", "b")
    cache = tmp_path / "cache"
    run(files, cache=cache)
    assert run(files, cache=cache, identity="another model")[1] == ["a", "b"]
    soundfile.write(files[0].audio, np.full(3000, 0.5), 1000)
    found, asked = run(files, cache=cache)
    assert asked == ["a"]
    assert found.estimates["a"].times[-1] < 3


def test_a_damaged_entry_is_made_again(tracks, run, tmp_path):
    files = tracks("a", "b")
    run(files, cache=tmp_path / "cache")
    for entry in (tmp_path / "cache").iterdir():
        entry.write_text('{"beats": [')
    found, asked = run(files, cache=tmp_path / "cache")
    assert asked == ["a", "b"]
    assert found.estimates["a"].times.size == 7


def test_ctrl_c_keeps_what_is_finished(tracks, run, tmp_path):
    files = tracks("a", "b", "interrupt", "d")
    found, asked = run(files, cache=tmp_path / "cache")
    assert found.interrupted
    assert sorted(found.estimates) == ["a", "b"]
    assert asked == ["a", "b", "interrupt"]
    assert run(files[:2], cache=tmp_path / "cache")[1] == []


def model(*trained_on: str):
    return SimpleNamespace(name="tcn", card=SimpleNamespace(trained_on_datasets=trained_on))


def test_refuses_a_test_score_on_training_data():
    with pytest.raises(SettingsError, match=r"'tcn' was trained on gtzan.*--force"):
        refuse_training_data(model("ballroom", "GTZAN"), "gtzan", force=False)
    with pytest.raises(SettingsError, match="gtzan"):  # the mini set is a part of it
        refuse_training_data(model("gtzan-mini"), "gtzan", force=False)
    assert refuse_training_data(model("gtzan"), "gtzan", force=True)
    assert not refuse_training_data(model("ballroom"), "gtzan", force=False)
    assert not refuse_training_data(SimpleNamespace(name="mine", card=None), "gtzan", force=False)


def test_refuses_it_for_files_that_say_which_model_made_them(monkeypatch):
    monkeypatch.setattr(registry, "shipped", lambda: (model("gtzan"),))
    with pytest.raises(SettingsError, match="was trained on gtzan"):
        refuse_stated_models([None, "tcn"], "gtzan", force=False)
    assert refuse_stated_models(["tcn"], "gtzan", force=True)
    assert not refuse_stated_models([None, "of another tool"], "gtzan", force=False)
    assert not refuse_stated_models(["tcn"], "ballroom", force=False)
