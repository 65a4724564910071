"""Posterior probabilities of the beats, the tempo and the metre of a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.forward_backward import SpacePosterior
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.weights import log_sum

Float64 = NDArray[np.float64]
Key = TypeVar("Key", int, float)


@dataclass(frozen=True, eq=False)
class Posterior:
    """Probabilities in the decoder's model, given the activations of a recording.

    Attributes:
        fps: frames per second.
        beats: probability that a beat begins at each frame, shape (frames,).
        downbeats: probability that a downbeat begins at each frame, shape (frames,); None if only beats were
            tracked.
        tempi: tempi in beats per minute, ascending, shape (tempi,).
        tempo_shares: expected share of the time at each tempo, shape (tempi,).
        metre_shares: expected share of the time in bars of each number of beats. If a recording has one metre
            throughout, this is the probability of that metre.
        log_likelihood: logarithm of the probability of all paths together.
        seconds: time that the shares refer to: between the first and the last beat that was heard.
    """

    fps: float
    beats: Float64
    downbeats: Float64 | None
    tempi: Float64
    tempo_shares: Float64
    metre_shares: Mapping[int, float]
    log_likelihood: float
    seconds: float

    @classmethod
    def empty(cls, frames: int, fps: float, *, bars: bool) -> Posterior:
        """Return the probabilities of a recording without beats."""
        nothing = np.zeros(frames)
        return cls(fps, nothing, nothing if bars else None, np.empty(0), np.empty(0), {}, 0.0, 0.0)

    @classmethod
    def from_spaces(
        cls,
        spaces: Sequence[StateSpace],
        found: Sequence[SpacePosterior],
        *,
        fps: float,
        bars: bool,
        before: int = 0,
        after: int = 0,
    ) -> Posterior:
        """Return the probabilities over several state spaces, each weighted by its likelihood.

        Args:
            spaces: the state spaces.
            found: their probabilities.
            fps: frames per second.
            bars: whether places are the beats of bars.
            before, after: number of frames without beats at the start and at the end of the recording.
        """
        total = log_sum(np.array([one.log_likelihood for one in found]))
        weights = [float(np.exp(one.log_likelihood - total)) for one in found]
        weighted = list(zip(spaces, found, weights, strict=True))
        frames = found[0].starts.shape[1]
        beats, downbeats = np.zeros(frames), np.zeros(frames)
        for space, one, weight in weighted:
            beats += one.starts.sum(axis=0) * weight
            downbeats += one.starts[space.number == 0].sum(axis=0) * weight
        tempi: dict[float, float] = {}
        metres: dict[int, float] = {}
        for space, one, weight in weighted:
            _add(tempi, (60.0 * fps / space.intervals).tolist(), one.interval_shares * weight)
            _add(metres, space.metre.tolist(), one.place_shares * weight)
        return cls(
            fps=fps,
            beats=np.pad(beats, (before, after)),
            downbeats=np.pad(downbeats, (before, after)) if bars else None,
            tempi=np.array(sorted(tempi)),
            tempo_shares=np.array([tempi[bpm] for bpm in sorted(tempi)]),
            metre_shares=metres if bars else {},
            log_likelihood=total,
            seconds=len(beats) / fps,
        )

    def near(self, times: Float64, reach: float, *, downbeats: bool = False) -> Float64:
        """Return the probability that a beat begins near each of some times.

        Args:
            times: times in seconds, shape (times,).
            reach: largest distance in seconds, less than half the shortest beat.
            downbeats: whether the beat must be a downbeat.

        Returns:
            Probabilities of shape (times,).
        """
        chances = self.downbeats if downbeats and self.downbeats is not None else self.beats
        begun = np.concatenate([[0.0], np.cumsum(chances)])
        first = np.ceil(np.round((np.asarray(times) - reach) * self.fps, 6)).astype(np.int64)
        last = np.floor(np.round((np.asarray(times) + reach) * self.fps, 6)).astype(np.int64)
        mass: Float64 = begun[(last + 1).clip(0, len(chances))] - begun[first.clip(0, len(chances))]
        return mass.clip(0, 1)


def join_posteriors(
    parts: Sequence[Posterior], starts: Sequence[int], frames: int, *, bars: bool
) -> Posterior:
    """Return the probabilities of a recording from those of its parts; shares are weighted by their time.

    Args:
        parts: probabilities of the parts; at least one.
        starts: first frame of each part.
        frames: number of frames of the recording.
        bars: whether downbeats were tracked.
    """
    beats = np.zeros(frames)
    downbeats = np.zeros(frames) if bars else None
    tempi: dict[float, float] = {}
    metres: dict[int, float] = {}
    seconds = sum(part.seconds for part in parts)
    for part, start in zip(parts, starts, strict=True):
        beats[start : start + len(part.beats)] = part.beats
        if downbeats is not None and part.downbeats is not None:
            downbeats[start : start + len(part.beats)] = part.downbeats
        weight = part.seconds / seconds if seconds > 0 else 0.0
        _add(tempi, part.tempi.tolist(), part.tempo_shares * weight)
        _add(metres, list(part.metre_shares), np.array(list(part.metre_shares.values())) * weight)
    return Posterior(
        fps=parts[0].fps,
        beats=beats,
        downbeats=downbeats,
        tempi=np.array(sorted(tempi)),
        tempo_shares=np.array([tempi[bpm] for bpm in sorted(tempi)]),
        metre_shares=metres,
        log_likelihood=sum(part.log_likelihood for part in parts),
        seconds=seconds,
    )


def _add(shares: dict[Key, float], keys: Sequence[Key], values: Float64) -> None:
    """Add values to the shares of keys."""
    for key, value in zip(keys, values.tolist(), strict=True):
        shares[key] = shares.get(key, 0.0) + value
