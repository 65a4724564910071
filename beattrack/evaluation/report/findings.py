"""The findings of a run in sentences: the most common errors, and the best and worst genres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from beattrack.evaluation.diagnosis import Fault
from beattrack.evaluation.results import Run
from beattrack.evaluation.score import FileScore

FAULT_PHRASES: dict[Fault, str] = {
    "none": "right",
    "octave": "tapped at double, triple, half or a third of the tempo",
    "tempo": "tapped at an unrelated tempo",
    "phase": "tapped between the beats",
    "metre": "right in its beats but not in its bars",
    "timing": "tapped loosely around the beats",
    "drift": "right in places only",
    "missed": "not tracked at all",
}


def findings(run: Run) -> list[str]:
    """Return the findings, most important first, each as a sentence."""
    scores = run.scores
    faults = Counter(score.diagnosis.fault for score in scores)
    right = faults.pop("none", 0)
    sentences = [f"{_of(right, len(scores))} {_are(right)} tracked right or nearly so."]
    if faults:
        common = [f"{count} {_are(count)} {_did(fault, count)}" for fault, count in faults.most_common()]
        sentences.append(f"Of the others, {_listed(common)}.")
    sentences += _genre_findings(run)
    bias = run.summary.mean("timing.mean_ms")
    if bias is not None:
        side = "late" if bias > 0 else "early"
        sentences.append(f"Beats that were found are {abs(bias):.0f} ms {side} on average.")
    return sentences


def _genre_findings(run: Run) -> list[str]:
    genres = run.genres
    if len(genres) < 2:
        return []
    means = {genre: summary.mean("beats.f_measure") or 0.0 for genre, summary in genres.items()}
    weakest, strongest = min(means, key=lambda g: means[g]), max(means, key=lambda g: means[g])
    sentences = [
        f"Beats are best in {strongest} (F-measure {means[strongest]:.2f}) and worst in {weakest} "
        f"({means[weakest]:.2f}), where {_why(run.scores, weakest)}."
    ]
    bars = {genre: mean for genre, s in genres.items() if (mean := s.mean("downbeats.f_measure")) is not None}
    if len(bars) > 1:
        weakest = min(bars, key=lambda g: bars[g])
        sentences.append(
            f"Downbeats are worst in {weakest} (F-measure {bars[weakest]:.2f}), where "
            f"{_why(run.scores, weakest)}."
        )
    return sentences


def _why(scores: Sequence[FileScore], genre: str) -> str:
    inside = [score for score in scores if score.genre == genre]
    faults = Counter(score.diagnosis.fault for score in inside)
    right = faults.pop("none", 0)
    if not faults:
        return f"all {right} files are nearly right"
    fault, count = faults.most_common(1)[0]
    return f"{_of(count, len(inside))} {_are(count)} {_did(fault, count)}"


def _did(fault: Fault, count: int) -> str:
    return FAULT_PHRASES[fault] if count == 1 else FAULT_PHRASES[fault].replace("its", "their")


def _of(count: int, total: int) -> str:
    return f"{count} of {total} files"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
