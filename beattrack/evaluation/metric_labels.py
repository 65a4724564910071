"""Labels and descriptions of the metrics, for tables, comparisons and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["score", "share", "signed ms", "ms"]


_UNIT_WORDS: dict[Unit, str] = {"score": "", "share": " %", "signed ms": " ms", "ms": " ms"}


@dataclass(frozen=True)
class Metric:
    """Description of a metric.

    Attributes:
        key: name in the results.
        label: name in tables.
        unit: how values are written.
        meaning: description in one line.
    """

    key: str
    label: str
    unit: Unit
    meaning: str

    def text(self, value: float | None) -> str:
        """Return a value with its unit, "-" for None; scores have three decimals, shares are in per cent."""
        return "-" if value is None else f"{self.number(value)}{_UNIT_WORDS[self.unit]}"

    def interval(self, low: float, high: float) -> str:
        """Return an interval with its unit."""
        return f"{self.number(low)} to {self.number(high)}{_UNIT_WORDS[self.unit]}"

    def number(self, value: float) -> str:
        """Return a value without its unit."""
        if self.unit == "score":
            return f"{value:.3f}"
        if self.unit == "share":
            return f"{100 * value:.1f}"
        return f"{value:+.1f}" if self.unit == "signed ms" else f"{value:.1f}"


def _beat_metrics(group: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(f"{group}.{key}", label, "score", meaning)
        for key, label, meaning in (
            (
                "f_measure",
                "F-measure",
                "beats found within ±70 ms, weighed against missed and spurious beats",
            ),
            ("cemgil", "Cemgil", "closeness in time, by a Gaussian of 40 ms"),
            ("cemgil_best", "Cemgil, best level", "the same, at the best metrical level"),
            ("goto", "Goto", "share of files tracked for a quarter of their length without an error"),
            ("p_score", "P-score", "beats found within a fifth of a beat"),
            ("cmlc", "CMLc", "longest passage with correct tempo and phase"),
            ("cmlt", "CMLt", "all passages with correct tempo and phase"),
            ("amlc", "AMLc", "as CMLc; double, half and off-beat allowed"),
            ("amlt", "AMLt", "as CMLt; double, half and off-beat allowed"),
            ("information_gain", "information gain", "how far the timing errors are from chance"),
        )
    )


BEATS = _beat_metrics("beats")
DOWNBEATS = _beat_metrics("downbeats")
TEMPO = (
    Metric("tempo.acc1", "accuracy 1", "share", "tempo within 4 % of the reference"),
    Metric(
        "tempo.acc2",
        "accuracy 2",
        "share",
        "tempo within 4 % of the reference, its double, triple, half or third",
    ),
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
        "fault.timing", "loose timing", "share", "files tapped with the beats, but often more than 70 ms off"
    ),
    Metric("bars.metre", "metre right", "share", "files with the annotated beats per bar"),
    Metric("bars.phase", "downbeat phase right", "share", "of the files with correct beats and metre"),
    Metric("timing.mean_ms", "timing bias", "signed ms", "mean of estimate minus annotation; + is late"),
    Metric("timing.std_ms", "timing spread", "ms", "standard deviation within a file"),
)
# The metrics shown for each genre and in comparisons.
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
