"""The score of one file: all of its values by name, and its diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation import alignment
from beattrack.evaluation.diagnosis import FAULTS, Diagnosis, diagnose
from beattrack.evaluation.metrics import (
    BEAT_METRICS,
    F_WINDOW,
    TEMPO_TOLERANCE,
    beat_metrics,
    median_tempo,
    tempo_accuracy,
    trim,
)
from beattrack.formats.readers import BeatSequence
from beattrack.result import estimate_metre
from beattrack.runtime import checks

Times = NDArray[np.float64]

# In the order of the worst files, a file with no correct downbeat equals one with this F-measure of the
# beats.
BARS_WEIGH_LESS = 0.7

# If one of reference and estimate ends later than the other by this factor, a note says so.
FAR_BEYOND = 2.0
ENOUGH = 4  # with fewer beats, the end of the music is unknown

OCTAVES = ("double", "half", "triple", "third")


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
    """Settings of the scoring of files.

    Attributes:
        trim: beats of reference and estimate before this time in seconds are left out.
        annotated_tempo: whether the reference tempo is the annotated one; else it is that of the median
            interval of the annotated beats.
        downbeats: whether the tracker estimates downbeats; if so, estimates without them are scored as empty.

    Raises:
        SettingsError: if a value is out of range.
    """

    trim: float = 0.0
    annotated_tempo: bool = False
    downbeats: bool = True

    def __post_init__(self) -> None:
        flags = dict.fromkeys(("annotated_tempo", "downbeats"), checks.flag())
        checks.apply(self, {"trim": checks.at_least(0), **flags})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings and the constants of the metrics as plain JSON values."""
        return {
            "trim_s": self.trim,
            "tempo_reference": "annotated tempo" if self.annotated_tempo else "median inter-beat interval",
            "downbeats_estimated": self.downbeats,
            "f_measure_window_s": F_WINDOW,
            "tempo_tolerance": TEMPO_TOLERANCE,
        }


@dataclass(frozen=True, eq=False)
class Item:
    """One file to score.

    Attributes:
        id: name of the file in its dataset.
        reference: annotated beats.
        estimate: estimated beats.
        genre: genre label; None if unknown.
        audio: path of the recording; None if unknown.
    """

    id: str
    reference: BeatSequence
    estimate: BeatSequence
    genre: str | None = None
    audio: str | None = None


@dataclass(frozen=True, eq=False)
class FileScore:
    """Scores of one file.

    Attributes:
        item: the file.
        values: values by metric name, such as `beats.f_measure`. Metrics that cannot be computed, such as
            those of downbeats if none are annotated, are missing. Shares and accuracies are 0 or 1.
        diagnosis: kind of error.
        notes: sentences about problems of the file.
    """

    item: Item
    values: dict[str, float]
    diagnosis: Diagnosis
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Name of the file in its dataset."""
        return self.item.id

    @property
    def genre(self) -> str | None:
        """Genre of the file, or None."""
        return self.item.genre

    def badness(self) -> tuple[float, float]:
        """Return a sort key by the F-measures of beats and downbeats, smaller for worse files."""
        beats = self.values.get("beats.f_measure", 1.0)
        return (min(beats, self.values.get("downbeats.f_measure", 1.0) + BARS_WEIGH_LESS), beats)


def score_item(item: Item, settings: ScoreSettings) -> FileScore:
    """Compute all scores of a file.

    Beats are scored if the reference has any after trimming, downbeats if it also has annotated downbeats.
    """
    reference, estimate = _trimmed(item.reference, settings.trim), _trimmed(item.estimate, settings.trim)
    if estimate.positions is None and settings.downbeats:
        estimate = BeatSequence(estimate.times, np.zeros(estimate.times.size, dtype=np.int64), estimate.tempo)
    values: dict[str, float] = {}
    if reference.times.size:
        values |= _named("beats", beat_metrics(reference.times, estimate.times))
        values |= _timing(reference.times, estimate.times)
        values |= _tempo(item, settings)
    downbeats = reference.downbeats
    if downbeats is not None and downbeats.size and settings.downbeats:
        found = estimate.downbeats
        values |= _named("downbeats", beat_metrics(downbeats, np.empty(0) if found is None else found))
    bars_known = settings.downbeats and downbeats is not None and downbeats.size > 0
    diagnosis = diagnose(
        reference.times,
        estimate.times,
        reference.positions if bars_known else None,
        estimate.positions if bars_known else None,
    )
    if reference.times.size:
        values |= _faults(diagnosis)
        if bars_known:
            values |= _bars(reference, estimate, diagnosis)
    return FileScore(item, values, diagnosis, tuple(_notes(item, reference, estimate)))


def _trimmed(beats: BeatSequence, seconds: float) -> BeatSequence:
    times = trim(beats.times, seconds)
    # Times are sorted, so trimming removes a prefix.
    positions = None if beats.positions is None else beats.positions[beats.positions.size - times.size :]
    return BeatSequence(times, positions, beats.tempo)


def _named(group: str, metrics: dict[str, float]) -> dict[str, float]:
    return {f"{group}.{name}": metrics[name] for name in BEAT_METRICS}


def _timing(reference: Times, estimate: Times) -> dict[str, float]:
    errors = alignment.timing_errors(reference, estimate) * 1000
    if errors.size == 0:
        return {}
    return {"timing.mean_ms": float(errors.mean()), "timing.std_ms": float(errors.std())}


def _tempo(item: Item, settings: ScoreSettings) -> dict[str, float]:
    # Beats are not trimmed here, because the tempo is that of the whole recording.
    reference = item.reference.tempo if settings.annotated_tempo else median_tempo(item.reference.times)
    if reference is None:
        return {}
    estimate = item.estimate.tempo or median_tempo(item.estimate.times)
    acc1, acc2 = tempo_accuracy(reference, estimate)
    values = {"tempo.acc1": acc1, "tempo.acc2": acc2, "tempo.reference": reference}
    return values if estimate is None else {**values, "tempo.estimate": estimate}


def _faults(diagnosis: Diagnosis) -> dict[str, float]:
    values = {f"fault.{fault}": float(diagnosis.fault == fault) for fault in FAULTS if fault != "none"}
    octaves = {
        f"octave.{level}": float(diagnosis.fault == "octave" and diagnosis.level == level)
        for level in OCTAVES
    }
    return values | octaves


def _bars(reference: BeatSequence, estimate: BeatSequence, diagnosis: Diagnosis) -> dict[str, float]:
    if reference.positions is None or estimate.positions is None:
        return {}
    values = {}
    annotated = estimate_metre(reference.positions)
    if annotated is not None:
        values["bars.metre"] = float(estimate_metre(estimate.positions) == annotated)
    agreement = alignment.bar_agreement(
        reference.times, reference.positions, estimate.times, estimate.positions
    )
    # If the beats have another level or phase, the phase of the downbeats is undefined.
    on_beat = diagnosis.fault in ("none", "metre", "timing")
    if agreement is not None and on_beat and agreement.shift is not None:
        values["bars.phase"] = float(agreement.shift == 0)
    return values


def _notes(item: Item, reference: BeatSequence, estimate: BeatSequence) -> list[str]:
    notes = [f"reference: {note}" for note in item.reference.notes]
    notes += [f"estimate: {note}" for note in item.estimate.notes]
    for side, beats in (("reference", reference), ("estimate", estimate)):
        if beats.times.size == 0:
            notes.append(f"{side}: no beats")
        elif beats.times.size == 1:
            notes.append(f"{side}: a single beat, so there is no interval")
    ends = [float(beats.times[-1]) for beats in (reference, estimate) if beats.times.size >= ENOUGH]
    if len(ends) == 2 and max(ends) > FAR_BEYOND * min(ends):
        notes.append(f"the reference ends at {ends[0]:.0f} s, the estimate at {ends[1]:.0f} s")
    if reference.times.size and item.reference.downbeats is not None and reference.downbeats is not None:
        notes += ["reference: bars are annotated, but no downbeat"] if reference.downbeats.size == 0 else []
    return notes
