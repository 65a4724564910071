"""Settings of the online decoder."""

from __future__ import annotations

from dataclasses import dataclass

from beattrack.decoding.dbn.settings import DBNSettings, TempoPrior
from beattrack.errors import SettingsError
from beattrack.runtime import checks

TEMPO_PRIOR = TempoPrior(bpm=105.0, octaves=1.0, strength=1.5)


@dataclass(frozen=True, kw_only=True)
class OnlineSettings:
    """Settings of the online decoder.

    The defaults were chosen on held-out songs by `recipes/online_settings.py`.

    Attributes:
        beats_per_bar: metres to follow.
        min_bpm: slowest tempo in beats per minute, at least 10.
        max_bpm: fastest tempo.
        transition_lambda: steadiness of the tempo; with higher values it changes less from beat to beat.
        observation_lambda: the activation should be high in the first 1/observation_lambda of each beat.
        observation_weight: exponent of the likelihoods. Below 1, because neighbouring frames are computed
            from nearly the same sound and are not independent.
        least_activation: lower activations count as this; it limits what one frame can disprove.
        tempo_prior: a preference for tempi near a given one, so that a tempo and its double are told apart;
            None treats all tempi alike.
        start_bpm: tempo that is most probable before anything was heard, in beats per minute.
        start_octaves: standard deviation of the tempo before anything was heard, in octaves.
        common_time: how many times as probable 4 beats per bar are as each other metre.
        bar_change: probability per beat that the bar starts anew at any of its beats, in any metre.
        lose: probability per beat that no beat follows, as at a pause or a sudden change of tempo.
        pause: mean time in seconds after which a lost beat returns.
        tolerance: a beat is reported for what is expected within this many seconds around it.
        threshold: least probability of a beat within `tolerance`, for the beat to be reported.
        wait: a beat is reported this many seconds after its expected time; if negative, ahead of it.
        refractory: least time between two beats, as a share of the beat interval.

    Raises:
        SettingsError: if a value is out of range.
    """

    beats_per_bar: tuple[int, ...] = (3, 4)
    min_bpm: float = 55.0
    max_bpm: float = 215.0
    transition_lambda: float = 100.0
    observation_lambda: float = 24.0
    observation_weight: float = 0.4
    least_activation: float = 0.005
    tempo_prior: TempoPrior | None = TEMPO_PRIOR
    start_bpm: float = 115.0
    start_octaves: float = 0.5
    common_time: float = 4.0
    bar_change: float = 0.001
    lose: float = 0.002
    pause: float = 0.5
    tolerance: float = 0.07
    threshold: float = 0.4
    wait: float = 0.01
    refractory: float = 0.45

    def __post_init__(self) -> None:
        probability = checks.between(0, 1, high_open=True)
        checks.apply(
            self,
            {
                "beats_per_bar": checks.one_or_several(checks.positive(whole=True)),
                "min_bpm": checks.positive(),
                "max_bpm": checks.positive(),
                "transition_lambda": checks.at_least(0),
                "observation_lambda": checks.at_least(2),
                "observation_weight": checks.between(0, 1, low_open=True),
                "least_activation": checks.between(0, 0.5, low_open=True),
                "tempo_prior": checks.optional(checks.instance(TempoPrior)),
                "start_bpm": checks.positive(),
                "start_octaves": checks.at_least(0.01),
                "common_time": checks.positive(),
                "bar_change": probability,
                "lose": probability,
                "pause": checks.positive(),
                "tolerance": checks.between(0, 0.2),
                "threshold": checks.between(0, 1, low_open=True),
                "wait": checks.between(-0.2, 0.2),
                "refractory": checks.between(0, 1, low_open=True, high_open=True),
            },
        )
        if isinstance(self.beats_per_bar, int):
            object.__setattr__(self, "beats_per_bar", (self.beats_per_bar,))
        if abs(self.wait) > self.tolerance:
            raise SettingsError(
                f"wait must be at most the tolerance of {self.tolerance:g} seconds, not {self.wait:g}"
            )
        self.dbn()

    def dbn(self) -> DBNSettings:
        """Return the settings of the state space, which checks metres and tempo range."""
        return DBNSettings(
            beats_per_bar=self.beats_per_bar,
            min_bpm=self.min_bpm,
            max_bpm=self.max_bpm,
            transition_lambda=self.transition_lambda,
            observation_lambda=self.observation_lambda,
            tempo_prior=self.tempo_prior,
        )
