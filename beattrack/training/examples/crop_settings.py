"""Settings of training crops and their augmentation."""

from __future__ import annotations

from dataclasses import dataclass

from beattrack.runtime import checks
from beattrack.training.examples.metrical_level import LevelSettings

_SHARES = (
    "tempo_pull",
    "felt_tempo_pull",
    "pitch_probability",
    "band_mask_probability",
    "time_mask_probability",
    "bass_cut_probability",
    "treble_cut_probability",
    "metre_probability",
    "pulse_free_share",
    "harmony_drop",
    "harmony_bass_cut_probability",
)
_AMOUNTS = ("gain_db", "equaliser_db", "harmony_equaliser_db", "tempo_spread", "tempo_jitter")
_LEAST = {
    "frames": 1,
    "pitch_bands": 0,
    "band_mask_bands": 1,
    "time_mask_frames": 5,
    "bass_bands": 4,
    "treble_bands": 4,
}


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How crops are drawn and augmented.

    The tempo of a song is changed by the factor (target / own tempo)^tempo_pull. The target is drawn from a
    log-normal distribution around tempo_bpm, because charts of rhythm games are faster than listeners tap.

    Attributes:
        frames: frames in a crop.
        tempo_bpm: centre of the target tempo.
        tempo_spread: standard deviation of the natural logarithm of the target tempo.
        tempo_pull: exponent of the tempo factor; 0 keeps the tempo, 1 gives the target.
        felt_tempo_pull: tempo_pull for songs whose beats are at the tempo at which listeners tap.
        tempo_jitter: standard deviation of the natural logarithm of a further random tempo factor.
        tempo_factor: limits of the tempo factor.
        pitch_probability: probability of a transposition.
        pitch_bands: largest transposition in bands.
        gain_db: standard deviation of the gain.
        equaliser_db: strength of the random equaliser curve.
        band_mask_probability: probability that a range of bands is silenced.
        band_mask_bands: largest number of silenced bands.
        time_mask_probability: probability that a range of frames is silenced.
        time_mask_frames: largest number of silenced frames.
        bass_cut_probability: probability that the bass is attenuated.
        bass_bands: largest number of attenuated bass bands.
        treble_cut_probability: probability that the treble is attenuated.
        treble_bands: largest number of attenuated treble bands.
        level: metrical level at which the beats of charts are learnt.
        metre_probability: probability that a song in 4/4 loses one beat of every bar and becomes 3/4 (after
            Morais et al., "Skip That Beat", arXiv 2502.12972).
        pulse_free_share: share of crops that are noise or tones without beats.
        harmony_drop: share of crops without a harmony view, so that the network learns to do without it.
        harmony_equaliser_db: equaliser_db for the harmony view.
        harmony_bass_cut_probability: bass_cut_probability for the harmony view.

    Raises:
        SettingsError: if a value is out of range.
    """

    frames: int = 2000
    tempo_bpm: float = 110.0
    tempo_spread: float = 0.30
    tempo_pull: float = 1.0
    felt_tempo_pull: float = 1.0
    tempo_jitter: float = 0.0
    tempo_factor: tuple[float, float] = (0.55, 1.8)
    pitch_probability: float = 0.5
    pitch_bands: int = 4
    gain_db: float = 4.0
    equaliser_db: float = 4.0
    band_mask_probability: float = 0.3
    band_mask_bands: int = 12
    time_mask_probability: float = 0.2
    time_mask_frames: int = 50
    bass_cut_probability: float = 0.15
    bass_bands: int = 16
    treble_cut_probability: float = 0.0
    treble_bands: int = 32
    level: LevelSettings = LevelSettings()
    metre_probability: float = 0.0
    pulse_free_share: float = 0.0
    harmony_drop: float = 0.08
    harmony_equaliser_db: float = 5.0
    harmony_bass_cut_probability: float = 0.2

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                **dict.fromkeys(_SHARES, checks.share()),
                **dict.fromkeys(_AMOUNTS, checks.at_least(0)),
                **{name: checks.at_least(least, whole=True) for name, least in _LEAST.items()},
                "tempo_bpm": checks.positive(),
                "tempo_factor": checks.span(checks.positive()),
                "level": checks.instance(LevelSettings),
            },
            prefix="crop.",
        )
