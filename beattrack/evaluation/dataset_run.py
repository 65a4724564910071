"""A tracker, or the predictions of any, scored on a whole dataset."""

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
    """Score a folder of predictions for a dataset; see `from_predictions` for the endings and missing files.

    Args:
        name: of the system; None takes that of the folder.
        force: score predictions that say they come from a model trained on the dataset, and mark the result.

    Raises:
        SettingsError: if they do and `force` is false.
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
    """Track every recording of a dataset, in `settings.jobs` processes, and score the beats.

    Args:
        name: of the system; None takes those of model and decoder.
        cache: folder of finished predictions, which a later run takes up; None keeps none.
        force: score a model on its own training data, and mark the result.

    Raises:
        SettingsError: if the model was trained on the dataset and `force` is false.
        ModelError: if there is no such model.
        KeyboardInterrupt: if Ctrl-C comes before any recording is tracked; later, what is finished is scored.
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
