"""The DBN decoders of madmom; this needs the extra `madmom`."""

from __future__ import annotations

import collections
import collections.abc
import importlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from beattrack.activations import Activations, Float
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn.observation import beat_classes
from beattrack.decoding.dbn.settings import DBNSettings
from beattrack.errors import ActivationError, MissingExtraError, SettingsError
from beattrack.runtime import checks

# Modules of madmom that run during decoding.
DECODING_MODULES = (
    "madmom.ml.hmm",
    "madmom.features.beats_hmm",
    "madmom.features.beats",
    "madmom.features.downbeats",
)

# Names that madmom 0.16.1 needs, but Python 3.10 and NumPy 1.24 removed.
_REMOVED_NAMES: tuple[tuple[ModuleType, str, object], ...] = (
    (collections, "MutableSequence", collections.abc.MutableSequence),
    (np, "float", float),
    (np, "int", int),
)

_import_lock = threading.Lock()


class MadmomDecoder:
    """Decoder that uses madmom's DBNDownBeatTrackingProcessor, or DBNBeatTrackingProcessor for beats only.

    Decodings have no log-probability, and their metre is the highest position found. madmom does not use a
    tempo head, so `tempo_head` is set to 0.

    Args:
        settings: settings of the DBN; None takes those of madmom.

    Raises:
        MissingExtraError: if madmom cannot be imported.
        SettingsError: if there are a tempo prior or changes of metre, which madmom does not support.
    """

    name = "madmom"

    def __init__(self, settings: DBNSettings | None = None) -> None:
        settings = DBNSettings.madmom() if settings is None else settings
        checks.instance(DBNSettings)("settings", settings)
        self.settings = replace(settings, tempo_head=0.0)
        if self.settings.tempo_prior is not None:
            raise SettingsError("madmom's decoder has no tempo prior; leave it out, or use the decoder 'dbn'")
        if self.settings.metre_change is not None:
            raise SettingsError("madmom's decoder has no metre_change; use the decoder 'dbn'")
        load_madmom()

    def __call__(self, activations: Activations) -> Decoding:
        """Compute the beats of a recording.

        Args:
            activations: activations of the recording.

        Raises:
            ActivationError: if madmom finds no path, which probabilities of exactly 0 or 1 can cause.
        """
        classes = beat_classes(activations)
        bars = activations.downbeats is not None
        found = _process(madmom_processor(self.settings, activations.fps, bars), observations(classes))
        if len(found) == 0:
            return Decoding.empty(bars=bars)
        if not bars:
            return Decoding(times=found.astype(np.float64), on_peaks=self.settings.correct)
        positions = found[:, 1].astype(np.int64)
        return Decoding(
            times=found[:, 0].copy(),
            positions=positions,
            beats_per_bar=int(positions.max()),
            on_peaks=self.settings.correct,
        )


def observations(classes: Float) -> Float:
    """Return activations in the form that madmom expects.

    Args:
        classes: probabilities of shape (classes, frames), from `beat_classes`.

    Returns:
        Beats of shape (frames,), or beats and downbeats of shape (frames, 2).
    """
    return classes[0] if len(classes) == 1 else np.ascontiguousarray(classes[::-1].T)


def _process(processor: Any, observations: Float) -> Float:
    if len(observations) == 0:
        return np.empty(0)
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a path with probability 0, reported below
        try:
            return np.asarray(processor(observations))
        except IndexError as error:
            raise ActivationError(
                "madmom finds no beats in these activations, some of which are exactly 0 or 1; "
                "use the decoder 'dbn'"
            ) from error


@lru_cache(maxsize=4)
def madmom_processor(settings: DBNSettings, fps: float, bars: bool) -> Any:
    """Return madmom's processor.

    Args:
        settings: settings of the DBN.
        fps: frames per second.
        bars: whether to track downbeats too.

    Raises:
        MissingExtraError: if madmom cannot be imported.
    """
    beats, downbeats = load_madmom()
    options: dict[str, Any] = {
        "num_tempi": settings.num_tempi,
        "transition_lambda": settings.transition_lambda,
        "observation_lambda": settings.observation_lambda,
        "threshold": settings.threshold,
        "correct": settings.correct,
        "fps": fps,
    }
    if bars:
        low, high = zip(*settings.bpm_ranges, strict=True)
        return downbeats.DBNDownBeatTrackingProcessor(
            beats_per_bar=list(settings.beats_per_bar), min_bpm=low, max_bpm=high, **options
        )
    low_bpm, high_bpm = settings.widest_bpm_range
    return beats.DBNBeatTrackingProcessor(min_bpm=low_bpm, max_bpm=high_bpm, **options)


@lru_cache(maxsize=1)
def load_madmom() -> tuple[Any, Any]:
    """Return the modules madmom.features.beats and madmom.features.downbeats, adapted to current NumPy.

    Raises:
        MissingExtraError: if madmom cannot be imported.
    """
    with _import_lock, removed_names(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources is deprecated
        try:
            modules = [importlib.import_module(name) for name in DECODING_MODULES]
        except ImportError as error:
            package = (error.name or "madmom").split(".")[0]
            raise MissingExtraError(package, "madmom", "the decoder 'madmom'") from error
    for module in modules:
        vars(module)["np"] = _OldNumpy("numpy")
    return modules[-2], modules[-1]


@contextmanager
def removed_names() -> Iterator[None]:
    """Define the removed names that madmom needs inside the block only."""
    missing = [(module, name, value) for module, name, value in _REMOVED_NAMES if name not in vars(module)]
    for module, name, value in missing:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, _ in missing:
            delattr(module, name)


class _OldNumpy(ModuleType):
    """NumPy as madmom's decoding modules expect it, which leaves NumPy itself unchanged."""

    float = float
    int = int

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def asarray(values: Any, *args: Any, **kwargs: Any) -> Any:
        """Return an array, of objects if the values are ragged, as old versions of NumPy did."""
        try:
            return np.asarray(values, *args, **kwargs)
        except ValueError:
            return np.asarray(values, dtype=object)
