"""What the dynamic Bayesian network assumes about tempo, metre and activations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from beattrack.errors import SettingsError
from beattrack.runtime import checks

_MAX_BEATS_PER_BAR = 64
DEFAULT_BPM_RANGE = (55.0, 215.0)
_SLOWEST_BPM = 10.0  # time and memory of decoding grow with the square of the longest beat
_BPM = checks.one_or_several(checks.at_least(_SLOWEST_BPM))


@dataclass(frozen=True)
class TempoPrior:
    """A soft preference for tempi near `bpm`: a log-normal one, `octaves` octaves wide (standard deviation).

    Each frame of a beat of interval L adds `strength` / L0 * log p(L) to the log-probability, where
    L0 = 60 fps / bpm and log p(L) = -(log2(L / L0) / octaves)^2 / 2. So a piece of constant tempo pays log p
    `strength` times for every beat the prior's own tempo would have had in its duration. Weighing time, not
    beats, keeps the prior from favouring an octave by itself: were each beat charged the same, a path with
    half the beats would pay half. It also makes constants in log p cancel, as every path lasts equally long.

    Raises SettingsError where a value is not a positive number.
    """

    bpm: float
    octaves: float
    strength: float = 1.0

    def __post_init__(self) -> None:
        names = [field.name for field in fields(self)]
        checks.apply(self, dict.fromkeys(names, checks.positive()), prefix="tempo_prior.")


@dataclass(frozen=True, kw_only=True)
class DBNSettings:
    """Settings of the bar-pointer model (Krebs, Böck, Widmer, ISMIR 2015).

    The defaults are those with which the shipped network tracks held-out songs best; `madmom()` returns
    madmom's.

    beats_per_bar: metres to try, the most probable of which wins. Not used for beats alone.
    min_bpm, max_bpm: tempo range in beats per minute, from 10 on; a tuple gives one value a metre. Beats
        alone use the widest of the ranges. Beat intervals are whole numbers of frames; all ranges but the
        default include those around their ends, so that a tempo at the end is tracked as well as one inside.
    num_tempi: number of log-spaced beat intervals; None takes every whole number of frames in the range.
    transition_lambda: the higher, the steadier the tempo.
    observation_lambda: the first 1/observation_lambda of each beat is where the activation should be high.
    threshold: what comes before the first frame and after the last one to reach it is left out; 0 keeps all.
    correct: move each beat to the activation's peak inside its beat region.
    tempo_prior: a soft preference for tempi near one; None leaves all tempi of the range equal.
    tempo_head: strength of what the network's tempo head says of the recording's tempo, in the units of
        TempoPrior's strength; 0 does not listen to it, which is madmom's model.

    Raises SettingsError where a value is out of its range.
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

    @classmethod
    def madmom(cls, **changes: Any) -> DBNSettings:
        """Return the settings of madmom's model, with which the decoders agree, but for `changes`."""
        return cls(**{"transition_lambda": 100.0, "observation_lambda": 16, "tempo_head": 0.0, **changes})

    def __post_init__(self) -> None:
        # Sequences become tuples, so that equal settings are equal, hash alike and cannot change.
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
            },
        )
        if isinstance(self.beats_per_bar, int):
            object.__setattr__(self, "beats_per_bar", (self.beats_per_bar,))
        metres = self.beats_per_bar
        if len(set(metres)) < len(metres):
            raise SettingsError(f"beats_per_bar names a metre twice: {metres}")
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

    @property
    def bpm_ranges(self) -> tuple[tuple[float, float], ...]:
        """(lowest, highest) BPM of each metre."""
        count = len(self.beats_per_bar)
        low = self.min_bpm if isinstance(self.min_bpm, tuple) else (self.min_bpm,) * count
        high = self.max_bpm if isinstance(self.max_bpm, tuple) else (self.max_bpm,) * count
        return tuple(zip(low, high, strict=True))

    @property
    def widest_bpm_range(self) -> tuple[float, float]:
        """(lowest, highest) BPM over all metres, which is what beats alone are tracked with."""
        return min(low for low, _ in self.bpm_ranges), max(high for _, high in self.bpm_ranges)

    def bpm_range_of(self, metre: int | None) -> tuple[float, float]:
        """Return the (lowest, highest) BPM of a metre, or the widest range if the metre has none."""
        if metre in self.beats_per_bar:
            return self.bpm_ranges[self.beats_per_bar.index(metre)]
        return self.widest_bpm_range


def _empty_range(low: float, high: float) -> str:
    """Say which of two tempi that collide is a default, as its user may never have seen it."""
    bounds = {"min_bpm": low, "max_bpm": high}
    defaults = [name for name, bpm in bounds.items() if bpm == getattr(DBNSettings, name)]
    low_text, high_text = (
        f"{name} {bpm:g}{' (the default)' if name in defaults else ''}" for name, bpm in bounds.items()
    )
    advice = f"; set {defaults[0]} too" if defaults else ""
    return f"the tempo range is empty: {low_text} is above {high_text}{advice}"
