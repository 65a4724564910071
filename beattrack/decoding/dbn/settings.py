"""Settings of the dynamic Bayesian network."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from beattrack.errors import SettingsError
from beattrack.runtime import checks

_MAX_BEATS_PER_BAR = 64
DEFAULT_BPM_RANGE = (55.0, 215.0)
_SLOWEST_BPM = 10.0  # time and memory of decoding grow with the square of the longest beat
_BPM = checks.one_or_several(checks.at_least(_SLOWEST_BPM))

# A good value of `DBNSettings.metre_change` for recordings whose metre may change: on held-out songs, higher
# ones spoil bars of one length, and lower ones miss changes.
METRE_CHANGE = 1e-20

# The prior of a rough tempo, such as one tapped. A stronger one would break clear music if it is wrong.
_HINT_OCTAVES = 0.3
_HINT_STRENGTH = 1.0


@dataclass(frozen=True)
class TempoPrior:
    """A log-normal preference for tempi near `bpm`.

    Each frame of a beat of interval L adds strength / L0 * log p(L) to the log-probability, with
    L0 = 60 fps / bpm and log p(L) = -(log2(L / L0) / octaves)^2 / 2. The prior is weighted by time and not by
    beats: otherwise a path at half tempo, which has half as many beats, would incur half the penalty.
    Constants in log p cancel, because all paths have the same duration.

    Attributes:
        bpm: preferred tempo in beats per minute.
        octaves: standard deviation in octaves.
        strength: weight of log p for each beat at the preferred tempo.

    Raises:
        SettingsError: if a value is not a positive number.
    """

    bpm: float
    octaves: float
    strength: float = 1.0

    @classmethod
    def hint(cls, bpm: float) -> TempoPrior:
        """Return the prior for a rough tempo, which decides between a tempo, its double and its half.

        Args:
            bpm: the tempo in beats per minute, which may be 10 % off.
        """
        return cls(bpm, _HINT_OCTAVES, _HINT_STRENGTH)

    def __post_init__(self) -> None:
        names = [field.name for field in fields(self)]
        checks.apply(self, dict.fromkeys(names, checks.positive()), prefix="tempo_prior.")


@dataclass(frozen=True, kw_only=True)
class DBNSettings:
    """Settings of the bar-pointer model.

    With the defaults the shipped network tracks the held-out set best; `madmom()` returns madmom's settings.

    Attributes:
        beats_per_bar: metres to try; the most probable one is used. Ignored without downbeat activations.
        min_bpm: slowest tempo in beats per minute, at least 10; a tuple has one value for each metre. Without
            downbeat activations the widest range is used.
        max_bpm: fastest tempo, likewise. Beat intervals are whole numbers of frames; all ranges except the
            default are rounded outwards, so that tempi at their ends are tracked as well as those inside.
        num_tempi: number of log-spaced beat intervals; None uses every whole number of frames in the range.
        transition_lambda: steadiness of the tempo; with higher values it changes less.
        observation_lambda: the activation should be high in the first 1/observation_lambda of each beat.
        threshold: frames before the first and after the last activation that reaches this value are ignored;
            0 uses all frames.
        correct: move each beat to the peak of the activation in the beat's region.
        tempo_prior: a preference for tempi near a given one; None treats all tempi alike.
        tempo_head: weight of the network's tempo head, in the units of `TempoPrior.strength`; 0 ignores it,
            as madmom's model has no tempo head.
        metre_change: probability that a bar is followed by one of another metre, above 0 and below 1; None
            keeps one metre throughout. All metres must have the same tempo range. Ignored without downbeat
            activations, and if there is only one metre.

    Raises:
        SettingsError: if a value is out of range.

    Source: Krebs, Böck, Widmer (ISMIR 2015).
    """

    beats_per_bar: tuple[int, ...] = (3, 4)
    min_bpm: float | tuple[float, ...] = DEFAULT_BPM_RANGE[0]
    max_bpm: float | tuple[float, ...] = DEFAULT_BPM_RANGE[1]
    num_tempi: int | None = None
    transition_lambda: float = 200.0
    observation_lambda: float = 24
    threshold: float = 0.05
    correct: bool = True
    tempo_prior: TempoPrior | None = None
    tempo_head: float = 2.0
    metre_change: float | None = None

    @classmethod
    def madmom(cls, **changes: Any) -> DBNSettings:
        """Return madmom's settings with `changes`."""
        return cls(**{"transition_lambda": 100.0, "observation_lambda": 16, "tempo_head": 0.0, **changes})

    def __post_init__(self) -> None:
        # Sequences become tuples, so that settings are immutable, hashable and comparable.
        checks.apply(
            self,
            {
                "beats_per_bar": checks.one_or_several(checks.between(1, _MAX_BEATS_PER_BAR, whole=True)),
                "min_bpm": _BPM,
                "max_bpm": _BPM,
                "num_tempi": checks.optional(checks.positive(whole=True)),
                "transition_lambda": checks.at_least(0),
                "observation_lambda": checks.at_least(2),
                "threshold": checks.share(),
                "correct": checks.flag(),
                "tempo_prior": checks.optional(checks.instance(TempoPrior)),
                "tempo_head": checks.at_least(0),
                "metre_change": checks.optional(checks.between(0, 1, low_open=True, high_open=True)),
            },
        )
        if isinstance(self.beats_per_bar, int):
            object.__setattr__(self, "beats_per_bar", (self.beats_per_bar,))
        metres = self.beats_per_bar
        if len(set(metres)) < len(metres):
            raise SettingsError(f"beats_per_bar must not contain a metre twice, not {metres}")
        self._check_tempi()

    def _check_tempi(self) -> None:
        metres = len(self.beats_per_bar)
        for name in ("min_bpm", "max_bpm"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != metres:
                raise SettingsError(
                    f"{name} must be one number, or one for each of the {metres} metres, not {value}"
                )
        for low, high in self.bpm_ranges:
            if low > high:
                raise SettingsError(_empty_range(low, high))
        if self.metre_change is not None and len(set(self.bpm_ranges)) > 1:
            raise SettingsError(
                "metre_change needs the same tempo range for all metres; give one min_bpm and one max_bpm"
            )

    @property
    def bpm_ranges(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest BPM of each metre."""
        count = len(self.beats_per_bar)
        low = self.min_bpm if isinstance(self.min_bpm, tuple) else (self.min_bpm,) * count
        high = self.max_bpm if isinstance(self.max_bpm, tuple) else (self.max_bpm,) * count
        return tuple(zip(low, high, strict=True))

    @property
    def widest_bpm_range(self) -> tuple[float, float]:
        """Lowest and highest BPM over all metres; the range for beats without downbeats."""
        return min(low for low, _ in self.bpm_ranges), max(high for _, high in self.bpm_ranges)

    def bpm_range_of(self, metre: int | None) -> tuple[float, float]:
        """Return the lowest and highest BPM of a metre, or the widest range for other metres."""
        if metre in self.beats_per_bar:
            return self.bpm_ranges[self.beats_per_bar.index(metre)]
        return self.widest_bpm_range


def _empty_range(low: float, high: float) -> str:
    """Return the message for an empty range; it names the default, which the user may not know."""
    bounds = {"min_bpm": low, "max_bpm": high}
    defaults = [name for name, bpm in bounds.items() if bpm == getattr(DBNSettings, name)]
    low_text, high_text = (
        f"{name} {bpm:g}{' (the default)' if name in defaults else ''}" for name, bpm in bounds.items()
    )
    advice = f"; set {defaults[0]} too" if defaults else ""
    return f"the tempo range is empty: {low_text} is above {high_text}{advice}"
