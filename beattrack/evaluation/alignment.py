"""Timing and bars of the matched beats."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.metrics import F_WINDOW
from beattrack.result import estimate_metre

Times = NDArray[np.float64]
Positions = NDArray[np.int64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class BarAgreement:
    """Agreement of estimated with annotated bars.

    Attributes:
        same_position: share of the matched beats that have the annotated position in the bar.
        shift: number of beats by which the estimated bars start late; None if the metres differ or are
            unknown.
    """

    same_position: float
    shift: int | None


def match_beats(reference: Times, estimate: Times, window: float = F_WINDOW) -> tuple[Indices, Indices]:
    """Return the pairs of a largest one-to-one matching of beats (`mir_eval.util.match_events`).

    Args:
        reference: annotated times in seconds, strictly increasing.
        estimate: estimated times in seconds, strictly increasing.
        window: largest distance of two matched beats in seconds.

    Returns:
        Indices into `reference` and into `estimate`, both of shape (pairs,), in order of the reference.
    """
    from mir_eval.util import match_events

    pairs = np.asarray(sorted(match_events(reference, estimate, window)), dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def timing_errors(reference: Times, estimate: Times) -> Times:
    """Compute the timing errors of the matched beats.

    Returns:
        Errors in seconds, positive if the estimate is late, shape (pairs,).
    """
    in_reference, in_estimate = match_beats(reference, estimate)
    return estimate[in_estimate] - reference[in_reference]


def bar_agreement(
    reference: Times, reference_positions: Positions, estimate: Times, estimate_positions: Positions
) -> BarAgreement | None:
    """Compare the positions in the bar of the matched beats.

    Args:
        reference, estimate: times in seconds, strictly increasing.
        reference_positions, estimate_positions: position of each beat in its bar, 1 = downbeat.

    Returns:
        The agreement, or None if no beat was matched.
    """
    in_reference, in_estimate = match_beats(reference, estimate)
    if in_reference.size == 0:
        return None
    annotated, estimated = reference_positions[in_reference], estimate_positions[in_estimate]
    same = float(np.mean(annotated == estimated))
    beats = estimate_metre(reference_positions)
    if beats is None or beats != estimate_metre(estimate_positions):
        return BarAgreement(same, None)
    shifts = Counter(((annotated - estimated) % beats).tolist())
    # Ties go to the smaller shift, in favour of the tracker.
    return BarAgreement(same, int(min(shifts, key=lambda shift: (-shifts[shift], shift))))
