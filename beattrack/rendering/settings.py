"""How training music is performed, coloured and checked: shares, ranges and limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from beattrack.runtime import checks

SAMPLE_RATE = 22050  # Hz of all that is rendered: that of the network's spectrogram
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PerformanceSettings:
    """What happens to a piece before it sounds.

    seconds: range of the length of a recording.
    lead: seconds by which a piece is longer than its recording, so that this may begin anywhere in it.
    tempo_spread: standard deviation of the logarithm of the tempo's scale; tempo: BPM it is kept between.
    fixed_tempo, drifting: shares of pieces; others walk at random. walk: standard deviation of a bar's step.
    ritardando: share of pieces that end with one.
    part_offset: seconds, largest lag or lead of a part. jitter: range of a part's standard deviation.
    drums_only, no_drums: shares, of pieces with drums that allow it.
    substitution: share of parts whose program changes for another of its family.
    breaks: share of pieces of which parts fall silent for some bars. voice: share with a sung lead.
    pad: share with sustained chords besides. heavy: share of guitars and keys in rock and metal that distort.
    bare: share of pieces of drums alone that are taken, but for sources of nothing else.
    sung: share of the leads of plain pieces that are sung.
    own_tempo_spread, own_substitution, own_pad: the same of pieces that are real songs, whose tempo and
        instruments are kept but for little.
    silence, whole: shares of recordings that begin with silence, or with the piece's own first note.
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

    kit_drums, synthetic_drums: shares of drum parts played by sampled kits and by synthesised one-shots
    instead of a soundfont; synthetic_parts: share of mixes whose bass or chords are synthesised. Where the
    genre is electronic, the shares of what is synthesised are `electronic`.
    balance: decibels, standard deviation of the level of drums, bass, others.
    ducking: share of electronic mixes in which the kick pushes the others down.
    timeout: seconds that a run of the synthesiser may take.
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
    """Shares of recordings that go through each effect.

    narrow: only low and middle frequencies are left, as of radio, speech codecs and poor digitisation.
    tape: saturation, dull treble, hiss and a little flutter. vinyl: an old record, narrow and with rumble.
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
    """What a finished recording must show.

    lag: seconds, largest distance of the onsets from the beats. ratio: least onset strength on the beats
    relative to the mean. level: least root mean square, in decibels below full scale. active: least share of
    seconds that are louder than 40 dB below the loudest. plain_level, plain_active: the same of plain pieces,
    such as the clicks of a metronome.
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
                "level": checks.number(),
                "active": checks.share(),
            },
            prefix="check.",
        )


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """All of it; attempts: draws for one recording before it counts as failed."""

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
        """Mean length of a recording."""
        return sum(self.performance.seconds) / 2

    def to_dict(self) -> dict[str, Any]:
        """Give the fields by name, nested as they are."""
        return asdict(self)


_AMOUNTS = frozenset(
    {"lead", "tempo_spread", "own_tempo_spread", "walk", "part_offset", "balance", "timeout"}
)


def _check(settings: object) -> None:
    """Raise SettingsError for a share outside 0..1, a negative amount, or a range that is none."""
    shares, amounts, ranges = checks.share(), checks.at_least(0), checks.span(checks.at_least(0))
    kinds = {
        field.name: ranges if field.type == "Range" else amounts if field.name in _AMOUNTS else shares
        for field in fields(settings)  # type: ignore[arg-type]
    }
    checks.apply(settings, kinds)
