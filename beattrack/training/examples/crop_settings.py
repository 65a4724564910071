"""How training crops are drawn and varied."""

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
    """How crops are drawn and varied; a probability, a standard deviation or a range for each effect.

    tempo_bpm, tempo_spread, tempo_pull, tempo_jitter, tempo_factor: a target tempo is drawn from a log-normal
        around tempo_bpm, since charts of rhythm games run faster than listeners tap. The song is resampled by
        (target / own tempo)^tempo_pull, times a log-normal of spread tempo_jitter, within tempo_factor.
    felt_tempo_pull: in place of tempo_pull for songs whose beats are those that listeners tap; with 0, slow
        and fast ones stay what they are.
    level: at which metrical level the beats of charts are learnt.
    metre_probability: a song in fours loses one beat of every bar with this probability, which makes it one
        in threes (after Morais et al., "Skip That Beat", arXiv 2502.12972).
    pulse_free_share: share of the crops that are noise or tones without any beat.
    harmony_drop: share of the crops without their slow view, so that the network learns to do without it.
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
