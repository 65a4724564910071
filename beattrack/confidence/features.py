"""Features of a result from which its reliability is estimated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.activations import Activations, Float
from beattrack.decoding.dbn.posterior import Posterior
from beattrack.decoding.pulse import CONFIDENCE_REACH
from beattrack.tempo import HEAD_TOLERANCE, tempo_share

Float64 = NDArray[np.float64]

REACH_SECONDS = 0.07  # of a correct beat, as in the F-measure

# Probabilities closer to 0 or 1 than these count as these. A share of the tempo head is not known as well.
_LEAST = 1e-3
_LEAST_SHARE = 1e-2


@dataclass(frozen=True, eq=False)
class Features:
    """Log-odds of probabilities that bear on the reliability of a result.

    The names of the attributes are those of the weights in `calibration`.

    Attributes:
        beat_posterior: that a beat begins within 70 ms of each beat, shape (beats,).
        beat_activation: the highest beat activation within two frames of each beat, shape (beats,).
        downbeat_posterior: that a downbeat begins within 70 ms, shape (beats,).
        downbeat_activation: the highest downbeat activation, likewise.
        mean_posterior: mean of `beat_posterior`.
        mean_activation: mean of `beat_activation`.
        tempo_head: share of the tempo head's probability within 4 % of the tempo of the beats; None without a
            tempo head.
        metre_posterior: share of the time in bars of the metre.
    """

    beat_posterior: Float64
    beat_activation: Float64
    downbeat_posterior: Float64
    downbeat_activation: Float64
    mean_posterior: float
    mean_activation: float
    tempo_head: float | None
    metre_posterior: float


def features(
    times: Float64, bpm: float | None, metre: int | None, activations: Activations, posterior: Posterior
) -> Features:
    """Compute the features of a result.

    Args:
        times: times of at least one beat in seconds, shape (beats,).
        bpm: tempo in beats per minute, or None.
        metre: number of beats in a bar, or None.
        activations: activations of the recording.
        posterior: posterior probabilities of the recording.
    """
    beat_posterior = log_odds(posterior.near(times, REACH_SECONDS))
    beat_activation = log_odds(_highest_near(times, activations.beats, activations.fps))
    if activations.downbeats is None:
        downbeat_posterior = downbeat_activation = np.full(len(times), float(log_odds(0.0)))
    else:
        downbeat_posterior = log_odds(posterior.near(times, REACH_SECONDS, downbeats=True))
        downbeat_activation = log_odds(_highest_near(times, activations.downbeats, activations.fps))
    head = None
    if activations.tempo is not None and bpm is not None:
        reach = 1 + HEAD_TOLERANCE
        head = float(log_odds(tempo_share(activations.tempo, bpm / reach, bpm * reach), _LEAST_SHARE))
    return Features(
        beat_posterior=beat_posterior,
        beat_activation=beat_activation,
        downbeat_posterior=downbeat_posterior,
        downbeat_activation=downbeat_activation,
        mean_posterior=float(beat_posterior.mean()),
        mean_activation=float(beat_activation.mean()),
        tempo_head=head,
        metre_posterior=float(log_odds(posterior.metre_shares.get(metre or 0, 0.0), _LEAST_SHARE)),
    )


def log_odds(probabilities: ArrayLike, least: float = _LEAST) -> Float64:
    """Return log(p / (1 - p)) of probabilities, limited to `least` to 1 - `least`."""
    limited = np.clip(np.asarray(probabilities, dtype=np.float64), least, 1 - least)
    odds: Float64 = np.log(limited / (1 - limited))
    return odds


def _highest_near(times: Float64, values: Float, fps: float) -> Float64:
    """Return the highest of the values within two frames of each time."""
    frames = np.rint(times * fps).astype(np.int64)
    near = frames[:, None] + np.arange(-CONFIDENCE_REACH, CONFIDENCE_REACH + 1)
    found: Float64 = np.nan_to_num(values[near.clip(0, len(values) - 1)].astype(np.float64)).max(axis=1)
    return found
