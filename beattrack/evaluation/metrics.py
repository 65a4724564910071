"""Metrics of one file: those of mir_eval for beats and downbeats, and tempo accuracy.

Beats and downbeats: `mir_eval.beat` (Raffel et al. 2014), measures of Davies, Degara & Plumbley 2009.
Tempo: accuracy 1 and 2 of Gouyon et al. 2006.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import MissingExtraError

Times = NDArray[np.float64]

F_WINDOW = 0.07
# mir_eval's P-score: steps per second that times are rounded up to, and window as a share of the median
# interval.
P_SCORE_RATE, P_SCORE_WINDOW = 100, 0.2
TEMPO_TOLERANCE = 0.04
TEMPO_FACTORS = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)

BEAT_METRICS = (
    "f_measure",
    "cemgil",
    "cemgil_best",
    "goto",
    "p_score",
    "cmlc",
    "cmlt",
    "amlc",
    "amlt",
    "information_gain",
)


def require_mir_eval() -> None:
    """Raise MissingExtraError if mir_eval is not installed."""
    try:
        import mir_eval.beat  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("mir_eval", "eval", "scoring beats") from error


def trim(times: Times, seconds: float) -> Times:
    """Return the times from `seconds` on, like `mir_eval.beat.trim_beats`, without negative times."""
    return times[times >= max(seconds, 0.0)]


def beat_metrics(reference: Times, estimate: Times) -> dict[str, float]:
    """Compute every metric of mir_eval.beat for estimated beats or downbeats.

    Args:
        reference, estimate: times in seconds, strictly increasing and trimmed.

    Returns:
        Values by the names in `BEAT_METRICS`, equal to mir_eval's. A value is 0 if it cannot be
        computed: from no beat or a single beat, or if mir_eval fails (P-score of a reference within one of
        its 10 ms steps) or returns no finite number (beats too close for floating point).
    """
    import mir_eval.beat as mir

    with _quiet():
        cemgil, cemgil_best = mir.cemgil(reference, estimate)
        cmlc, cmlt, amlc, amlt = mir.continuity(reference, estimate)
        values = {
            "f_measure": mir.f_measure(reference, estimate, f_measure_threshold=F_WINDOW),
            "cemgil": cemgil,
            "cemgil_best": cemgil_best,
            "goto": mir.goto(reference, estimate),
            "p_score": p_score(reference, estimate),
            "cmlc": cmlc,
            "cmlt": cmlt,
            "amlc": amlc,
            "amlt": amlt,
            "information_gain": mir.information_gain(reference, estimate),
        }
    return {name: float(values[name]) if np.isfinite(values[name]) else 0.0 for name in BEAT_METRICS}


def p_score(reference: Times, estimate: Times) -> float:
    """Compute the P-score, the share of beats within a fifth of the median interval of each other.

    mir_eval correlates impulse trains of 100 steps per second, which takes minutes for hours of music. This
    counts the pairs of impulses within the window instead, which gives the same number.

    Args:
        reference, estimate: times in seconds, strictly increasing.

    Returns:
        The value of `mir_eval.beat.p_score`; 0 if either has fewer than two beats, or if the reference lies
        within one step, for which mir_eval fails.

    McKinney et al., "Evaluation of audio beat tracking and music tempo extraction algorithms", Journal of New
    Music Research 36, 2007.
    """
    if min(reference.size, estimate.size) < 2:
        return 0.0
    start = min(reference[0], estimate[0])
    annotated, found = (np.unique(np.ceil((times - start) * P_SCORE_RATE)) for times in (reference, estimate))
    if annotated.size < 2:
        return 0.0
    window = np.round(P_SCORE_WINDOW * np.median(np.diff(annotated)))
    first = np.searchsorted(found, annotated - window, side="left")
    last = np.searchsorted(found, annotated + window, side="right")
    return float((last - first).sum() / max(reference.size, estimate.size))


def median_tempo(times: Times) -> float | None:
    """Return the tempo in BPM of the median inter-beat interval; None for fewer than two beats."""
    return float(60.0 / np.median(np.diff(times))) if times.size >= 2 else None


def tempo_accuracy(reference: float, estimate: float | None) -> tuple[float, float]:
    """Compute accuracy 1 and accuracy 2 of a tempo.

    Args:
        reference: annotated tempo in BPM.
        estimate: estimated tempo in BPM; None, if no tempo was found, counts as wrong.

    Returns:
        Accuracy 1, 1 if the estimate is within 4 % of the reference, else 0; and accuracy 2, the same for the
        reference, its double, triple, half or third.

    Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE Transactions on
    Audio, Speech, and Language Processing 14, 2006.
    """
    if estimate is None:
        return 0.0, 0.0
    targets = reference * np.asarray(TEMPO_FACTORS)
    hits = np.abs(estimate - targets) <= TEMPO_TOLERANCE * targets
    return float(hits[0]), float(hits.any())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence mir_eval's warnings about few beats, which the notes of a score report instead."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
