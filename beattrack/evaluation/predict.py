"""Predictions of the tracker for a dataset, computed in several processes and cached for later runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from beattrack.datasets import Problem, Track, overlaps
from beattrack.errors import AudioError, SettingsError
from beattrack.formats.readers import BeatFileError, BeatSequence, beat_sequence, read_beats
from beattrack.runtime import workers
from beattrack.runtime.files import atomic_write_text, sha256_of
from beattrack.runtime.progress import count
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.registry import Model
    from beattrack.result import Beats

CACHE_VERSION = 1


@dataclass(frozen=True)
class TrackerSpec:
    """The tracker to run.

    Attributes:
        model: name of a shipped model, or path of a model file.
        decoder: name of the decoder.
        options: settings of the decoder that differ from the defaults.
    """

    model: str
    decoder: str = "dbn"
    options: Mapping[str, Any] = field(default_factory=dict)


class Tracker(Protocol):
    """The methods of `BeatTracker` that evaluation uses."""

    def track(self, source: Path) -> Beats:
        """Track the beats of a file."""
        ...

    def activations(self, source: Path) -> Activations:
        """Compute the activations of a file."""
        ...


@dataclass(frozen=True)
class Predictions:
    """Predictions for a dataset.

    Attributes:
        estimates: beats by track id.
        problems: files that could not be tracked.
        interrupted: whether Ctrl-C ended the run early.
    """

    estimates: dict[str, BeatSequence]
    problems: tuple[Problem, ...]
    interrupted: bool


def load_tracker(spec: TrackerSpec) -> Tracker:
    """Return the BeatTracker of a specification, with one thread, because files are tracked in parallel.

    Raises:
        ModelError: if the model is unknown or damaged.
        SettingsError: if the decoder or one of its options is invalid.
    """
    from beattrack.decoding.make import decoder_with
    from beattrack.tracker import BeatTracker

    decoder = decoder_with(cast("Any", spec.decoder), spec.options)
    return BeatTracker(spec.model, decoder, threads=1)


def find_model(spec: TrackerSpec) -> Model:
    """Return the model of a specification.

    Raises:
        ModelError: if the model is unknown or damaged.
    """
    from beattrack.registry import find

    return find(spec.model)


def refuse_training_data(model: Model, dataset: str, *, force: bool) -> bool:
    """Return whether a model was trained on a dataset, and refuse to score it if so.

    Args:
        model: model to score.
        dataset: name of the dataset to score it on.
        force: only return whether it was.

    Raises:
        SettingsError: if the model's card lists the dataset, or one with the same recordings, and `force` is
            false.
    """
    seen = model.card is not None and any(overlaps(dataset, name) for name in model.card.trained_on_datasets)
    if seen and not force:
        raise SettingsError(
            f"the model {model.name!r} was trained on {dataset}, so its score is not a test score; choose "
            "another model or dataset, or pass --force to score it marked as training data"
        )
    return seen


def refuse_stated_models(names: Iterable[str | None], dataset: str, *, force: bool) -> bool:
    """Apply `refuse_training_data` to the shipped models among the models that prediction files name.

    Raises:
        SettingsError: if one of them was trained on the dataset and `force` is false.
    """
    from beattrack.registry import shipped

    stated = set(names)
    models = [model for model in shipped() if model.name in stated] if stated - {None} else []
    return any([refuse_training_data(model, dataset, force=force) for model in models])


def describe(spec: TrackerSpec, model: Model) -> dict[str, Any]:
    """Return what the results of a tracker depend on: version, model file, decoder and its settings."""
    from beattrack.decoding.make import decoder_with
    from beattrack.result import plain

    decoder = decoder_with(cast("Any", spec.decoder), spec.options)
    return {
        "beattrack": __version__,
        "model": model.name,
        "model_sha256": sha256_of(model.path),
        "decoder": decoder.name,
        "decoder_settings": plain(decoder.settings),
    }


def predict(
    tracks: Sequence[Track],
    spec: TrackerSpec,
    *,
    identity: Mapping[str, Any],
    cache: Path | None = None,
    jobs: int = 1,
    quiet: bool = False,
    factory: Callable[[TrackerSpec], Tracker] = load_tracker,
) -> Predictions:
    """Track every recording that is not in the cache.

    If a file cannot be decoded or its process dies, the file becomes a problem, and the others are still
    tracked.

    Args:
        tracks: recordings; those without audio are skipped.
        spec: tracker to run.
        identity: description of the tracker from `describe`, part of the key of the cache.
        cache: folder for finished predictions, created if needed; None keeps none.
        jobs: number of processes.
        quiet: show no progress.
        factory: function that makes the tracker, called in each process.
    """
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    files = [track.audio for track in tracks if track.audio is not None]
    finished = workers.collect(
        _Worker(factory, spec, json.dumps(identity, sort_keys=True), cache),
        files,
        processes=jobs,
        progress=None if quiet else count("files tracked"),
        died=_death,
    )
    estimates, problems = {}, []
    for track, result in zip(
        (track for track in tracks if track.audio is not None), finished.results, strict=True
    ):
        if isinstance(result, str):
            problems.append(Problem(str(track.audio), result))
        elif result is not None:
            estimates[track.id] = result
    return Predictions(estimates, tuple(problems), finished.interrupted)


class _Worker:
    """Function that tracks a file; its tracker is created for the first file that is not in the cache."""

    def __init__(
        self, factory: Callable[[TrackerSpec], Tracker], spec: TrackerSpec, identity: str, cache: Path | None
    ) -> None:
        self._factory, self._spec = factory, spec
        self._tracker: Tracker | None = None
        self._identity = identity
        self._cache = cache

    def __call__(self, path: Path) -> BeatSequence | str:
        entry = self._entry(path)
        if entry is not None and entry.is_file():
            try:
                return read_beats(entry)
            except BeatFileError:
                entry.unlink()
        if self._tracker is None:
            self._tracker = self._factory(self._spec)
        try:
            beats = self._tracker.track(path)
        except AudioError as error:
            return str(error)
        if entry is not None:
            atomic_write_text(entry, json.dumps(beats.to_dict()))
        tempo = None if beats.tempo is None else beats.tempo.bpm
        # Without beats, there are known to be no downbeats either.
        positions = beats.times if len(beats.times) == 0 else beats.positions
        return beat_sequence(beats.times, positions, tempo=tempo, duration=beats.duration)

    def _entry(self, path: Path) -> Path | None:
        if self._cache is None:
            return None
        key = f"{CACHE_VERSION}\n{self._identity}\n{sha256_of(path)}"
        return self._cache / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def _death(code: int) -> BeatSequence | str:
    return f"the process that tracked it {workers.death(code)}"
