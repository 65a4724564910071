"""Settings of the rendering: performance, synthesis, effects and checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from beattrack.runtime import checks

SAMPLE_RATE = 22050  # Hz of rendered audio, that of the network's spectrogram
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PerformanceSettings:
    """How a piece is performed. Shares are from 0 to 1.

    Attributes:
        seconds: range of the duration of a recording.
        lead: seconds by which a piece is longer than its recording, so that the recording can start anywhere.
        tempo_spread: standard deviation of the natural logarithm of the tempo factor.
        tempo: limits of the tempo in BPM.
        fixed_tempo: share of pieces with constant tempo.
        drifting: share of pieces whose tempo drifts; the tempo of all others is a random walk.
        walk: standard deviation of the step of that walk, per bar.
        ritardando: share of pieces that end with a ritardando.
        part_offset: largest constant delay or advance of a part in seconds.
        jitter: range of the standard deviation of a part's onset times in seconds.
        drums_only: share of pieces with drums of which only the drums are kept.
        no_drums: share of pieces with drums whose drums are removed.
        substitution: share of parts whose program is replaced by another of its family.
        breaks: share of pieces with parts that are muted for some bars.
        voice: share of pieces with a sung lead.
        pad: share of pieces to which sustained chords are added.
        heavy: share of guitars and keys in rock and metal that are distorted.
        bare: share of pieces of drums alone that are kept, unless their source has no others.
        sung: share of the leads of plain pieces that are sung.
        own_tempo_spread: tempo_spread for real songs, whose tempo and instruments should change little.
        own_substitution: substitution for real songs.
        own_pad: pad for real songs.
        silence: share of recordings that start with silence.
        whole: share of recordings that start with the first note of the piece.

    Raises:
        SettingsError: if a value is out of range.
    """

    seconds: Range = (45.0, 75.0)
    lead: float = 8.0
    tempo_spread: float = 0.08
    tempo: Range = (50.0, 210.0)
    fixed_tempo: float = 0.4
    drifting: float = 0.2
    walk: float = 0.006
    ritardando: float = 0.08
    part_offset: float = 0.012
    jitter: Range = (0.001, 0.008)
    drums_only: float = 0.12
    no_drums: float = 0.27
    substitution: float = 0.35
    breaks: float = 0.35
    voice: float = 0.42
    pad: float = 0.5
    heavy: float = 0.5
    bare: float = 0.3
    sung: float = 0.7
    own_tempo_spread: float = 0.02
    own_substitution: float = 0.2
    own_pad: float = 0.15
    silence: float = 0.25
    whole: float = 0.2

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True)
class SynthesisSettings:
    """Which instruments play.

    Attributes:
        kit_drums: share of drum parts played with a sampled kit instead of a soundfont.
        synthetic_drums: share of drum parts that are synthesised.
        synthetic_parts: share of mixes with synthesised bass or chords.
        electronic: the last two shares for electronic genres.
        balance: standard deviation of the levels of drums, bass and other parts in dB.
        ducking: share of electronic mixes in which the kick attenuates the other parts (side-chaining).
        timeout: time limit of a run of FluidSynth in seconds.

    Raises:
        SettingsError: if a value is out of range.
    """

    kit_drums: float = 0.2
    synthetic_drums: float = 0.15
    synthetic_parts: float = 0.12
    electronic: float = 0.6
    balance: float = 4.0
    ducking: float = 0.4
    timeout: float = 120.0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True)
class EffectSettings:
    """Share of recordings with each effect, from 0 to 1.

    The effect `tape` is saturation, less treble, hiss and flutter; `vinyl` is a narrow band and rumble, as of
    old records; and `narrow` keeps low and middle frequencies, as radio, speech codecs and poor digitisation
    do.

    Raises:
        SettingsError: if a value is out of range.
    """

    equaliser: float = 0.6
    distortion: float = 0.15
    compressor: float = 0.75
    reverb: float = 0.6
    lowpass: float = 0.22
    highpass: float = 0.15
    tape: float = 0.15
    vinyl: float = 0.08
    narrow: float = 0.18
    noise: float = 0.4
    crackle: float = 0.06
    limiter: float = 0.6
    clipping: float = 0.06
    codec: float = 0.28
    fade: float = 0.1

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Requirements on a finished recording.

    Attributes:
        lag: largest delay between beats and onsets in seconds.
        ratio: least onset strength on beats, relative to the mean.
        level: least RMS level in dB relative to full scale.
        active: least share of seconds that are at most 40 dB below the loudest.
        plain_level: level for plain pieces, such as clicks.
        plain_active: active for plain pieces.

    Raises:
        SettingsError: if a value is out of range.
    """

    lag: float = 0.025
    ratio: float = 1.1
    level: float = -40.0
    active: float = 0.6
    plain_level: float = -55.0
    plain_active: float = 0.25

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "lag": checks.positive(),
                "ratio": checks.at_least(0),
                **dict.fromkeys(("level", "plain_level"), checks.number()),
                **dict.fromkeys(("active", "plain_active"), checks.share()),
            },
            prefix="check.",
        )


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """All settings of the rendering.

    Attributes:
        performance: how pieces are performed.
        synthesis: which instruments play.
        effects: effects on the mix.
        check: requirements on finished recordings.
        attempts: number of draws before a song counts as failed.

    Raises:
        SettingsError: if a value is out of range.
    """

    performance: PerformanceSettings = field(default_factory=PerformanceSettings)
    synthesis: SynthesisSettings = field(default_factory=SynthesisSettings)
    effects: EffectSettings = field(default_factory=EffectSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    attempts: int = 6

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "performance": checks.instance(PerformanceSettings),
                "synthesis": checks.instance(SynthesisSettings),
                "effects": checks.instance(EffectSettings),
                "check": checks.instance(CheckSettings),
                "attempts": checks.positive(whole=True),
            },
        )

    @property
    def mean_seconds(self) -> float:
        """Mean duration of a recording in seconds."""
        return sum(self.performance.seconds) / 2

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as nested dictionaries."""
        return asdict(self)


_AMOUNTS = frozenset(
    {"lead", "tempo_spread", "own_tempo_spread", "walk", "part_offset", "balance", "timeout"}
)


def _check(settings: object) -> None:
    """Check that fields are valid shares, amounts or ranges; raise SettingsError if not."""
    shares, amounts, ranges = checks.share(), checks.at_least(0), checks.span(checks.at_least(0))
    kinds = {
        field.name: ranges if field.type == "Range" else amounts if field.name in _AMOUNTS else shares
        for field in fields(settings)  # type: ignore[arg-type]
    }
    checks.apply(settings, kinds)
