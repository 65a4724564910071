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
# mir_eval's P-score: steps a second that times are rounded up to, and its window in median intervals.
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
    """Raise MissingExtraError where mir_eval is not installed."""
    try:
        import mir_eval.beat  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("mir_eval", "eval", "scoring beats") from error


def trim(times: Times, seconds: float) -> Times:
    """Leave out the times before `seconds`, as `mir_eval.beat.trim_beats` does; negative times always go."""
    return times[times >= max(seconds, 0.0)]


def beat_metrics(reference: Times, estimate: Times) -> dict[str, float]:
    """Score estimated beats (or downbeats) with every metric of mir_eval.beat, by the names in BEAT_METRICS.

    reference, estimate: strictly increasing times in seconds, already trimmed.
    Every value is mir_eval's own, but for the P-score, which equals it (`p_score`). If nothing can be
    computed, from no beat or from one, it is 0; so it is if mir_eval raises an error (P-score of a reference
    within one of its 10 ms steps) or gives no number (beats closer than floating point can tell).
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
    """Compute the P-score: the share of beats within a fifth of the median interval of each other.

    mir_eval correlates two impulse trains of 100 steps a second, which takes minutes for hours of music. The
    pairs of impulses that lie within the window are counted here instead; they are the same number.

    Args:
        reference, estimate: strictly increasing times in seconds.

    Returns:
        The value of `mir_eval.beat.p_score`; 0 if either has fewer than two beats, or the reference lies
        within one step, which mir_eval cannot compute.

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
    """Tempo in BPM of the median inter-beat interval; None with fewer than two beats."""
    return float(60.0 / np.median(np.diff(times))) if times.size >= 2 else None


def tempo_accuracy(reference: float, estimate: float | None) -> tuple[float, float]:
    """Accuracy 1 and accuracy 2 of a tempo in BPM, each 0 or 1.

    Accuracy 1: within 4 % of the reference. Accuracy 2: within 4 % of it, its double, triple, half or third.
    An estimate of None, from a file where no tempo was found, is wrong.
    """
    if estimate is None:
        return 0.0, 0.0
    targets = reference * np.asarray(TEMPO_FACTORS)
    hits = np.abs(estimate - targets) <= TEMPO_TOLERANCE * targets
    return float(hits[0]), float(hits.any())


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the warnings of mir_eval about few beats: score.py words them once for the whole run."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
