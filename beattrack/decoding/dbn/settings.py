"""What the dynamic Bayesian network assumes about tempo, metre and activations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral

from beattrack.errors import SettingsError

_MAX_BEATS_PER_BAR = 64
DEFAULT_BPM_RANGE = (55.0, 215.0)
_SLOWEST_BPM = 10.0  # time and memory of decoding grow with the square of the longest beat


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)


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
        for name in ("bpm", "octaves", "strength"):
            value = getattr(self, name)
            _require(
                math.isfinite(value) and value > 0,
                f"the tempo prior's {name} must be a positive number, not {value}",
            )


@dataclass(frozen=True, kw_only=True)
class DBNSettings:
    """Settings of the bar-pointer model (Krebs, Böck, Widmer, ISMIR 2015); the defaults are madmom's
    model, but for `tempo_head`.

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
    transition_lambda: float = 100.0
    observation_lambda: float = 16
    threshold: float = 0.05
    correct: bool = True
    tempo_prior: TempoPrior | None = None
    tempo_head: float = 0.4

    def __post_init__(self) -> None:
        # Sequences become tuples, so that equal settings are equal, hash alike and cannot change.
        for name in ("beats_per_bar", "min_bpm", "max_bpm"):
            value = getattr(self, name)
            if isinstance(value, Iterable):
                object.__setattr__(self, name, tuple(value))
        if isinstance(self.beats_per_bar, Integral):
            object.__setattr__(self, "beats_per_bar", (self.beats_per_bar,))
        self._check_metres()
        self._check_tempi()
        self._check_model()

    def _check_metres(self) -> None:
        metres = self.beats_per_bar
        _require(len(metres) > 0, "beats_per_bar must name at least one metre")
        whole = all(isinstance(beats, Integral) and 1 <= beats <= _MAX_BEATS_PER_BAR for beats in metres)
        _require(whole, f"beats_per_bar must be whole numbers from 1 to {_MAX_BEATS_PER_BAR}, not {metres}")
        _require(len(set(metres)) == len(metres), f"beats_per_bar names a metre twice: {metres}")

    def _check_tempi(self) -> None:
        for name in ("min_bpm", "max_bpm"):
            value = getattr(self, name)
            metres = len(self.beats_per_bar)
            _require(
                not isinstance(value, tuple) or len(value) == metres,
                f"{name} must be one number, or one for each of the {metres} metres, not {value}",
            )
        for low, high in self.bpm_ranges:
            _require(
                math.isfinite(high) and 0 < low <= high,
                f"the tempo range must be of positive numbers, the lower first, not {low} to {high} BPM",
            )
            _require(low >= _SLOWEST_BPM, f"min_bpm must be at least {_SLOWEST_BPM:g}, not {low}")
        if self.num_tempi is not None:
            whole = isinstance(self.num_tempi, Integral) and self.num_tempi >= 1
            _require(whole, f"num_tempi must be a whole number of at least 1, or None, not {self.num_tempi}")

    def _check_model(self) -> None:
        value = self.transition_lambda
        _require(math.isfinite(value) and value >= 0, f"transition_lambda must be at least 0, not {value}")
        value = self.observation_lambda
        _require(math.isfinite(value) and value >= 2, f"observation_lambda must be at least 2, not {value}")
        _require(0 <= self.threshold <= 1, f"threshold must lie between 0 and 1, not {self.threshold}")
        value = self.tempo_head
        _require(math.isfinite(value) and value >= 0, f"tempo_head must be at least 0, not {value}")

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

    @property
    def within_an_octave(self) -> bool:
        """Whether no tempo and its double are both in a range."""
        return all(high < 2 * low for low, high in self.bpm_ranges)

    def bpm_range_of(self, metre: int | None) -> tuple[float, float]:
        """Return the (lowest, highest) BPM of a metre, or the widest range if the metre has none."""
        if metre in self.beats_per_bar:
            return self.bpm_ranges[self.beats_per_bar.index(metre)]
        return self.widest_bpm_range
