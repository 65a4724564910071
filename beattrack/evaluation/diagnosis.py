"""The kind of error that a tracker made in a file, as a listener would describe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.alignment import bar_agreement, match_beats
from beattrack.evaluation.metrics import F_WINDOW
from beattrack.result import estimate_metre

Times = NDArray[np.float64]
Positions = NDArray[np.int64]

Fault = Literal["none", "octave", "tempo", "phase", "metre", "timing", "drift", "missed"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

FAULT_LABELS: dict[Fault, str] = {
    "none": "right",
    "octave": "octave error",
    "tempo": "another tempo",
    "phase": "off-beat",
    "metre": "bars wrong",
    "timing": "loose timing",
    "drift": "drifting",
    "missed": "missed",
}

FAULT_MEANINGS: dict[Fault, str] = {
    "none": "beats and bars are right, or nearly so",
    "octave": "taps at double, triple, half or a third of the annotated tempo",
    "tempo": "taps steadily at a tempo unrelated to the annotated one, such as 4 against 3",
    "phase": "taps at the annotated tempo, but between the beats",
    "metre": "beats are right, but bars start on the wrong beat or have the wrong length",
    "timing": "taps with the annotated beats, but many of them more than 70 ms away",
    "drift": "right in places only: tempo or phase changes or drifts",
    "missed": "no lasting relation to the annotated beats",
}

# Least F-measure against a metrical level at which the tracker is said to tap at that level.
SAME_LEVEL = 0.8
OTHER_LEVEL = 0.7
# A beat agrees with a level within this share of its interval (as in the continuity metrics) and this time.
LEVEL_SHARE = 0.175
LEVEL_SECONDS = 0.15
# At the annotated level, a lower F-measure within 70 ms than this is a timing error.
ON_TIME = 0.8
# Drift is judged in passages of PASSAGE annotated beats. It needs a share of DRIFT_SHARE of them to agree
# with some level. A level in ALL_PASSAGES of them is an octave error instead; one in WORTH_NAMING of them is
# named.
PASSAGE = 8
DRIFT_SHARE = 0.5
ALL_PASSAGES = 0.8
WORTH_NAMING = 0.15
# A tempo is unrelated if STEADY_SHARE of the intervals are within STEADY_WITHIN of the median and its ratio
# to the annotated tempo is not within RATIO_WITHIN of that of any level.
STEADY_SHARE = 0.7
STEADY_WITHIN = 0.1
RATIO_WITHIN = 0.1
# Least length of the mean of the phases, taken as points on the unit circle, for a steady phase.
STEADY_PHASE = 0.7
# A lag of half a beat, give or take this part of a beat, is called off-beat.
HALF_WAY = 0.1
BARS_RIGHT = 0.5

_LEVEL_RATIOS = {"same": 1.0, "off-beat": 1.0, "double": 2.0, "triple": 3.0, "half": 1 / 2, "third": 1 / 3}
_LEVEL_WORDS = {
    "same": "on the beat",
    "off-beat": "between the beats",
    "double": "at double tempo",
    "triple": "at triple tempo",
    "half": "at half tempo",
    "third": "at a third of the tempo",
}


@dataclass(frozen=True)
class Diagnosis:
    """Diagnosis of one file.

    Attributes:
        fault: class of error, one of `FAULTS`.
        level: metrical level that the beats agree with most.
        detail: description in a phrase.
    """

    fault: Fault
    level: str
    detail: str


def diagnose(
    reference: Times,
    estimate: Times,
    reference_positions: Positions | None = None,
    estimate_positions: Positions | None = None,
) -> Diagnosis:
    """Return the diagnosis of one file.

    Args:
        reference, estimate: times in seconds, strictly increasing.
        reference_positions, estimate_positions: position of each beat in its bar, 1 = downbeat, or None. Bars
            are judged if both are given.
    """
    if estimate.size == 0:
        return Diagnosis("missed", "none", "no beats were found")
    if reference.size < 2:
        return Diagnosis("none", "same", "not judged: fewer than two annotated beats")
    levels = level_agreement(reference, estimate)
    best = max(levels, key=lambda level: levels[level])
    if levels["same"] >= SAME_LEVEL:
        timing = _timing_diagnosis(reference, estimate)
        return timing or _bar_diagnosis(reference, estimate, reference_positions, estimate_positions)
    other = _other_tempo(reference, estimate)
    if other is not None:
        return Diagnosis("tempo", best, f"taps at {other:.2f} times the annotated tempo")
    if _LEVEL_RATIOS[best] != 1.0 and levels[best] >= OTHER_LEVEL:
        return Diagnosis("octave", best, f"taps {_LEVEL_WORDS[best]}")
    lag = _steady_lag(reference, estimate)
    if lag is not None:
        return Diagnosis("phase", "off-beat", f"taps {_side_words(lag)}")
    if best == "off-beat" and levels[best] >= OTHER_LEVEL:
        return Diagnosis("phase", best, f"taps {_LEVEL_WORDS[best]}")
    return _passage_diagnosis(reference, estimate, best)


def level_agreement(reference: Times, estimate: Times) -> dict[str, float]:
    """Compute the F-measure against the annotation at each metrical level.

    The window is 17.5 % of the level's median interval, at most 150 ms, because a window of constant length
    would match anything at fast levels.

    Args:
        reference, estimate: times in seconds, strictly increasing.

    Returns:
        F-measure by level: same, off-beat, double, triple, half, third. For levels with several phases, it is
        the highest of them.
    """
    import mir_eval.beat

    scores: dict[str, float] = {}
    for level, variation in _variations(reference):
        if variation.size < 2:
            continue
        window = min(LEVEL_SECONDS, LEVEL_SHARE * float(np.median(np.diff(variation))))
        inside = estimate[(estimate >= variation[0] - window) & (estimate <= variation[-1] + window)]
        score = float(mir_eval.beat.f_measure(variation, inside, window)) if inside.size else 0.0
        scores[level] = max(score, scores.get(level, 0.0))
    return scores


def _variations(reference: Times) -> list[tuple[str, Times]]:
    """Return the annotated beats at each level, named by its ratio to the annotated tempo, in every phase."""
    double, triple = _subdivided(reference, 2), _subdivided(reference, 3)
    return [
        ("same", reference),
        ("off-beat", double[1::2]),
        ("double", double),
        ("triple", triple),
        *(("half", reference[phase::2]) for phase in range(2)),
        *(("half", double[phase::4]) for phase in (1, 3)),
        *(("third", reference[phase::3]) for phase in range(3)),
    ]


def _subdivided(times: Times, parts: int) -> Times:
    numbers = np.arange((times.size - 1) * parts + 1) / parts
    return np.interp(numbers, np.arange(times.size), times)


def _timing_diagnosis(reference: Times, estimate: Times) -> Diagnosis | None:
    """Diagnose beats at the right level that are far from the annotated ones; None if they are not."""
    import mir_eval.beat

    if mir_eval.beat.f_measure(reference, estimate, F_WINDOW) >= ON_TIME:
        return None
    window = min(LEVEL_SECONDS, LEVEL_SHARE * float(np.median(np.diff(reference))))
    in_reference, in_estimate = match_beats(reference, estimate, window)
    errors = estimate[in_estimate] - reference[in_reference]
    far = errors[np.abs(errors) > F_WINDOW]
    if far.size == 0:
        return None
    return Diagnosis("timing", "same", f"{far.size} beats of {errors.size} more than 70 ms off, {_side(far)}")


def _side(errors: Times) -> str:
    late = float(np.mean(errors > 0))
    return "mostly late" if late > 0.7 else "mostly early" if late < 0.3 else "early and late"


def _steady_lag(reference: Times, estimate: Times) -> float | None:
    """Compute the lag, 0 to 1 beat, of a tracker at the annotated tempo; None if it is not steady."""
    if reference.size < 2 or estimate.size < 4:
        return None
    # Python floats, because NumPy's warn if beats are so close that the quotient is infinite.
    ratio = float(np.median(np.diff(reference))) / float(np.median(np.diff(estimate)))
    inside = estimate[(estimate >= reference[0]) & (estimate < reference[-1])]
    if abs(ratio - 1) > RATIO_WITHIN or inside.size == 0:
        return None
    phases = np.interp(inside, reference, np.arange(reference.size)) % 1.0
    mean = np.exp(2j * np.pi * phases).mean()
    lag = float(np.angle(mean) / (2 * np.pi) % 1.0)
    away = min(lag, 1 - lag) > LEVEL_SHARE
    return lag if away and abs(mean) >= STEADY_PHASE else None


def _side_words(lag: float) -> str:
    if abs(lag - 0.5) <= HALF_WAY:
        return _LEVEL_WORDS["off-beat"]
    return f"{lag:.2f} of a beat late" if lag < 0.5 else f"{1 - lag:.2f} of a beat early"


def _other_tempo(reference: Times, estimate: Times) -> float | None:
    """Compute the ratio of a steady estimated tempo to the annotated one; None if it is that of a level."""
    if estimate.size < 4:
        return None
    intervals = np.diff(estimate)
    median = float(np.median(intervals))
    steady = np.abs(intervals - median) <= STEADY_WITHIN * median
    ratio = float(np.median(np.diff(reference))) / median
    related = any(abs(ratio / level - 1) <= RATIO_WITHIN for level in _LEVEL_RATIOS.values())
    return None if related or steady.mean() < STEADY_SHARE else ratio


def _bar_diagnosis(
    reference: Times,
    estimate: Times,
    reference_positions: Positions | None,
    estimate_positions: Positions | None,
) -> Diagnosis:
    right = Diagnosis("none", "same", "beats are right")
    if reference_positions is None or estimate_positions is None or not (reference_positions == 1).any():
        return right
    agreement = bar_agreement(reference, reference_positions, estimate, estimate_positions)
    if agreement is None or agreement.same_position >= BARS_RIGHT:
        return right
    if agreement.shift:
        beats = "beat" if agreement.shift == 1 else "beats"
        return Diagnosis("metre", "same", f"bars start {agreement.shift} {beats} late")
    annotated, estimated = estimate_metre(reference_positions), estimate_metre(estimate_positions)
    if annotated is not None and estimated is not None and annotated != estimated:
        return Diagnosis("metre", "same", f"bars have {estimated} beats instead of {annotated}")
    return Diagnosis("metre", "same", "bars do not line up")


def _passage_diagnosis(reference: Times, estimate: Times, best: str) -> Diagnosis:
    """Distinguish drift, octave error and missed by the level that each passage agrees with."""
    found: list[str | None] = []
    for start in range(0, max(reference.size - PASSAGE // 2, 1), PASSAGE // 2):
        passage = reference[start : start + PASSAGE]
        if passage.size < 3:
            continue
        levels = level_agreement(passage, estimate)
        level = max(levels, key=lambda name: levels[name])
        found.append(level if levels[level] >= SAME_LEVEL else None)
    shares = {level: found.count(level) / len(found) for level in dict.fromkeys(found) if level is not None}
    if found and sum(shares.values()) >= DRIFT_SHARE:
        first, *rest = sorted(shares, key=lambda level: -shares[level])
        named = [first, *(level for level in rest[:1] if shares[level] >= WORTH_NAMING)]
        detail = ", ".join(f"{_LEVEL_WORDS[level]} {shares[level]:.0%} of the time" for level in named)
        octave = _LEVEL_RATIOS[first] != 1.0 and shares[first] >= ALL_PASSAGES
        return Diagnosis("octave" if octave else "drift", first if octave else best, detail)
    share = match_beats(reference, estimate)[0].size / reference.size
    return Diagnosis(
        "missed", best, f"{share:.0%} of the annotated beats found, at {_ratio(reference, estimate)}"
    )


def _ratio(reference: Times, estimate: Times) -> str:
    if estimate.size < 2:
        return "no tempo"
    # Python floats, because NumPy's warn if beats are so close that the quotient is infinite.
    ratio = float(np.median(np.diff(reference))) / float(np.median(np.diff(estimate)))
    return f"{ratio:.2f} times the tempo"
