"""madmom's own DBN decoders, for those who want exactly them; needs the extra `madmom`."""

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

# The modules of madmom that run while decoding.
DECODING_MODULES = (
    "madmom.ml.hmm",
    "madmom.features.beats_hmm",
    "madmom.features.beats",
    "madmom.features.downbeats",
)

# Names that madmom 0.16.1 expects and that Python 3.10 and NumPy 1.24 removed.
_REMOVED_NAMES: tuple[tuple[ModuleType, str, object], ...] = (
    (collections, "MutableSequence", collections.abc.MutableSequence),
    (np, "float", float),
    (np, "int", int),
)

_import_lock = threading.Lock()


class MadmomDecoder:
    """madmom's DBNBeatTrackingProcessor, or DBNDownBeatTrackingProcessor where there are downbeats.

    Gives no log-probability; the metre is the highest place in a bar that was found.

    madmom does not know of tempo heads: `tempo_head` is set to 0.

    Raises MissingExtraError where madmom cannot be imported, SettingsError for a tempo prior, which madmom
    does not have.
    """

    name = "madmom"

    def __init__(self, settings: DBNSettings | None = None) -> None:
        settings = DBNSettings.madmom() if settings is None else settings
        checks.instance(DBNSettings)("settings", settings)
        self.settings = replace(settings, tempo_head=0.0)
        if self.settings.tempo_prior is not None:
            raise SettingsError("madmom's decoder has no tempo prior: leave it out or use the decoder 'dbn'")
        load_madmom()

    def __call__(self, activations: Activations) -> Decoding:
        """Decode one recording.

        Raises ActivationError where madmom finds no path, as probabilities of exactly 0 or 1 can cause.
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
    """What madmom takes: (frames,) beats, or (frames, 2) beats and downbeats. classes: (classes, frames)."""
    return classes[0] if len(classes) == 1 else np.ascontiguousarray(classes[::-1].T)


def _process(processor: Any, observations: Float) -> Float:
    if len(observations) == 0:
        return np.empty(0)
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the path's probability is 0: reported below
        try:
            return np.asarray(processor(observations))
        except IndexError as error:
            raise ActivationError(
                "madmom finds no beats that fit these activations: some are exactly 0 or 1 "
                "(the decoder 'dbn' copes with them)"
            ) from error


@lru_cache(maxsize=4)
def madmom_processor(settings: DBNSettings, fps: float, bars: bool) -> Any:
    """madmom's processor for beats alone or for bars; raises MissingExtraError where there is no madmom."""
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
    """The modules madmom.features.beats and madmom.features.downbeats, fit for this Python and NumPy."""
    with _import_lock, removed_names(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pkg_resources being deprecated
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
    """Give back, for the time of the import only, the names that madmom needs to be imported."""
    missing = [(module, name, value) for module, name, value in _REMOVED_NAMES if name not in vars(module)]
    for module, name, value in missing:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, _ in missing:
            delattr(module, name)


class _OldNumpy(ModuleType):
    """NumPy as madmom's decoding modules expect it; everyone else's stays as it is."""

    float = float
    int = int

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def asarray(values: Any, *args: Any, **kwargs: Any) -> Any:
        """Make an array, of objects where the values are ragged, as NumPy once did by itself."""
        try:
            return np.asarray(values, *args, **kwargs)
        except ValueError:
            return np.asarray(values, dtype=object)
