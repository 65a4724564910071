from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.datasets import Dataset, Track
from beattrack.errors import SettingsError
from beattrack.evaluation import predict
from beattrack.evaluation.dataset_run import score_predictions, score_tracker
from beattrack.evaluation.predict import TrackerSpec
from beattrack.evaluation.run import RunSettings
from beattrack.registry import Model
from tests.fake_tracker import make_tracker

pytest.importorskip("mir_eval")

BEATS = np.arange(0.5, 10, 0.5)
QUIETLY = RunSettings(quiet=True)


def dataset(folder: Path, *names: str) -> Dataset:
    tracks = []
    for name in names:
        soundfile.write(folder / f"{name}.wav", np.zeros(80000), 8000)
        tracks.append(Track(name, folder / f"{name}.wav", BEATS))
    return Dataset("gtzan", folder, tuple(tracks))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Model:
    """A model that is found under any name, and whose tracker needs no network."""
    path = tmp_path / "fake.onnx"
    path.write_bytes(b"weights")
    found = Model("fake", path, None)
    monkeypatch.setattr(predict, "find_model", lambda spec: found)
    monkeypatch.setattr(predict, "load_tracker", make_tracker)
    return found


def test_a_tracker_is_described_and_scored_file_by_file(model: Model, tmp_path: Path) -> None:
    run = score_tracker(dataset(tmp_path, "a", "broken", "b"), TrackerSpec("fake"), QUIETLY)
    assert (run.name, run.dataset, run.system["model"]) == ("fake + dbn", "gtzan", "fake")
    assert [score.id for score in run.scores] == ["a", "b"]
    assert run.summary.mean("beats.f_measure") == 1.0
    assert [Path(problem.file).stem for problem in run.left_out] == ["broken"]
    assert run.complete
    assert not run.training_data


def test_what_was_tracked_before_an_interruption_is_scored(model: Model, tmp_path: Path) -> None:
    run = score_tracker(dataset(tmp_path, "a", "interrupt"), TrackerSpec("fake"), QUIETLY, name="mine")
    assert (run.name, run.complete) == ("mine", False)
    assert [score.id for score in run.scores] == ["a"]
    with pytest.raises(KeyboardInterrupt):
        score_tracker(dataset(tmp_path, "interrupt"), TrackerSpec("fake"), QUIETLY)


def test_predictions_that_name_a_model_are_held_to_its_card(tmp_path: Path) -> None:
    data = dataset(tmp_path, "a")
    predictions = tmp_path / "mine"
    predictions.mkdir()
    lines = "".join(f"{beat}\n" for beat in BEATS)
    (predictions / "a.beats").write_text(lines, encoding="utf-8")
    run = score_predictions(data, predictions, QUIETLY)
    assert (run.name, run.training_data) == ("mine", False)
    assert run.summary.mean("beats.f_measure") == 1.0


def test_scores_on_training_data_are_refused_or_marked(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: Model, dataset: str, *, force: bool) -> bool:
        if not force:
            raise SettingsError("trained on it")
        return True

    monkeypatch.setattr(predict, "refuse_training_data", refuse)
    data = dataset(tmp_path, "a")
    with pytest.raises(SettingsError):
        score_tracker(data, TrackerSpec("fake"), QUIETLY)
    assert score_tracker(data, TrackerSpec("fake"), QUIETLY, force=True).training_data
