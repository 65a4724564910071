"""Scoring of a tracker, or of a folder of predictions, on a whole dataset."""

from __future__ import annotations

from pathlib import Path

from beattrack.datasets import Dataset
from beattrack.evaluation import predict
from beattrack.evaluation.predict import TrackerSpec
from beattrack.evaluation.results import Run
from beattrack.evaluation.run import Inputs, Missing, RunSettings, from_predictions, item_of, score


def score_predictions(
    dataset: Dataset,
    predictions: Path,
    settings: RunSettings,
    *,
    name: str | None = None,
    suffix: str | None = None,
    tempo_suffix: str | None = None,
    missing: Missing = "skip",
    force: bool = False,
) -> Run:
    """Score a folder of predictions for a dataset.

    Args:
        dataset: annotations.
        predictions: folder of beat files.
        settings: settings of the run.
        name: name of the system; None takes the name of the folder.
        suffix, tempo_suffix, missing: see `from_predictions`.
        force: score predictions of a model that was trained on the dataset, and mark the result.

    Raises:
        MatchingError: if no prediction belongs to a track.
        SettingsError: if the model named in the files was trained on the dataset and `force` is false.
    """
    inputs = from_predictions(dataset, predictions, suffix=suffix, tempo_suffix=tempo_suffix, missing=missing)
    stated = (item.estimate.model for item in inputs.items)
    trained = predict.refuse_stated_models(stated, dataset.name, force=force)
    name = name or predictions.resolve().name
    return score(inputs, settings, name=name, dataset=dataset.name, training_data=trained)


def score_tracker(
    dataset: Dataset,
    spec: TrackerSpec,
    settings: RunSettings,
    *,
    name: str | None = None,
    cache: Path | None = None,
    force: bool = False,
) -> Run:
    """Track every recording of a dataset and score the beats.

    If interrupted by Ctrl-C, the recordings tracked so far are scored.

    Args:
        dataset: annotated recordings.
        spec: tracker to run.
        settings: settings of the run.
        name: name of the system; None takes the names of model and decoder.
        cache: folder of finished predictions, which later runs reuse; None keeps none.
        force: score a model on its own training data, and mark the result.

    Raises:
        SettingsError: if the model was trained on the dataset and `force` is false.
        ModelError: if the model is unknown or damaged.
        KeyboardInterrupt: if interrupted before any recording was tracked.
    """
    model = predict.find_model(spec)
    trained = predict.refuse_training_data(model, dataset.name, force=force)
    system = predict.describe(spec, model)
    found = predict.predict(
        dataset.tracks,
        spec,
        identity=system,
        cache=cache,
        jobs=settings.jobs,
        quiet=settings.quiet,
        factory=predict.load_tracker,
    )
    items = [
        item_of(track, found.estimates[track.id]) for track in dataset.tracks if track.id in found.estimates
    ]
    if found.interrupted and not items:
        raise KeyboardInterrupt
    return score(
        Inputs(tuple(items), (*dataset.problems, *found.problems)),
        settings,
        name=name or f"{model.name} + {spec.decoder}",
        dataset=dataset.name,
        system=system,
        training_data=trained,
        complete=not found.interrupted,
    )
