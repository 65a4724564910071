"""Names of the numbers for people: in the table on the terminal, in comparisons and in the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["score", "share", "signed ms", "ms"]


_UNIT_WORDS: dict[Unit, str] = {"score": "", "share": " %", "signed ms": " ms", "ms": " ms"}


@dataclass(frozen=True)
class Metric:
    """A number of a run: its key, what it is called, how it is written, and what it says in one line."""

    key: str
    label: str
    unit: Unit
    meaning: str

    def text(self, value: float | None) -> str:
        """Write a value: scores with three decimals, shares in per cent, times in milliseconds."""
        return "-" if value is None else f"{self.number(value)}{_UNIT_WORDS[self.unit]}"

    def interval(self, low: float, high: float) -> str:
        """Write an interval, its unit once."""
        return f"{self.number(low)} to {self.number(high)}{_UNIT_WORDS[self.unit]}"

    def number(self, value: float) -> str:
        """Write a value without its unit."""
        if self.unit == "score":
            return f"{value:.3f}"
        if self.unit == "share":
            return f"{100 * value:.1f}"
        return f"{value:+.1f}" if self.unit == "signed ms" else f"{value:.1f}"


def _beat_metrics(group: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(f"{group}.{key}", label, "score", meaning)
        for key, label, meaning in (
            ("f_measure", "F-measure", "found within ±70 ms, against missed and spurious"),
            ("cemgil", "Cemgil", "how close in time, Gaussian of 40 ms"),
            ("cemgil_best", "Cemgil, best level", "the same at the best metrical level"),
            ("goto", "Goto", "share of files followed for a quarter of their length without a slip"),
            ("p_score", "P-score", "found within a fifth of a beat"),
            ("cmlc", "CMLc", "longest stretch right in tempo and phase"),
            ("cmlt", "CMLt", "all stretches right in tempo and phase"),
            ("amlc", "AMLc", "as CMLc, double, half and off-beat allowed"),
            ("amlt", "AMLt", "as CMLt, double, half and off-beat allowed"),
            ("information_gain", "information gain", "how far from chance the timing errors are"),
        )
    )


BEATS = _beat_metrics("beats")
DOWNBEATS = _beat_metrics("downbeats")
TEMPO = (
    Metric("tempo.acc1", "accuracy 1", "share", "tempo within 4 %"),
    Metric("tempo.acc2", "accuracy 2", "share", "tempo within 4 %, or of its double, triple, half, third"),
)
LISTENER = (
    Metric("fault.octave", "octave error", "share", "files tapped at double, triple, half or a third"),
    Metric("octave.double", "  at double tempo", "share", "files"),
    Metric("octave.half", "  at half tempo", "share", "files"),
    Metric("octave.triple", "  at triple tempo", "share", "files"),
    Metric("octave.third", "  at a third", "share", "files"),
    Metric("fault.phase", "off-beat", "share", "files tapped between the beats"),
    Metric("fault.tempo", "unrelated tempo", "share", "files tapped at another steady tempo"),
    Metric("fault.drift", "drifting", "share", "files right in places only"),
    Metric("fault.missed", "missed", "share", "files without a lasting relation to the beats"),
    Metric(
        "fault.timing", "loose timing", "share", "files tapped with the beats, often more than 70 ms away"
    ),
    Metric("bars.metre", "metre right", "share", "files with the annotated beats per bar"),
    Metric("bars.phase", "downbeat phase right", "share", "of the files with beats and metre right"),
    Metric("timing.mean_ms", "timing bias", "signed ms", "mean of estimate minus annotation; + is late"),
    Metric("timing.std_ms", "timing spread", "ms", "standard deviation within a file"),
)
# The few that fit in a row for each genre or system.
MAIN = (
    Metric("beats.f_measure", "F", "score", "beats, F-measure"),
    Metric("beats.cmlt", "CMLt", "score", "beats, CMLt"),
    Metric("beats.amlt", "AMLt", "score", "beats, AMLt"),
    Metric("downbeats.f_measure", "down F", "score", "downbeats, F-measure"),
    Metric("downbeats.cmlt", "down CMLt", "score", "downbeats, CMLt"),
    Metric("downbeats.amlt", "down AMLt", "score", "downbeats, AMLt"),
    Metric("tempo.acc1", "tempo Acc1", "share", "tempo, accuracy 1"),
    Metric("tempo.acc2", "tempo Acc2", "share", "tempo, accuracy 2"),
)
BY_KEY = {metric.key: metric for metric in (*BEATS, *DOWNBEATS, *TEMPO, *LISTENER)}
