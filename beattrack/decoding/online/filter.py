"""The exact forward algorithm, one frame at a time.

With the density of "no beat" divided out of every frame, a state outside the beat region has likelihood 1.
Inside a beat the model moves one state per frame, so the probability of a beat that began at a frame changes
only in its region, the first frames of it, and when it ends. The probabilities of all states are thus stored
by the frame at which their beat began, in a ring of as many frames as the longest beat has. A frame costs one
product with the matrix of interval steps, for the beats that end, and a few multiplications for those in
their region.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.online.model import OnlineModel

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


class ForwardFilter:
    """Posterior of the states of a model, given all frames so far.

    Attributes:
        model: the model.
        lost: probability of "no beat to follow".

    Args:
        model: the model.
    """

    def __init__(self, model: OnlineModel) -> None:
        space = model.space
        self.model = model
        self._frames = space.longest  # of the ring
        count = len(space.intervals)
        self._rows = np.arange(count)
        self._keep = (1.0 - model.lose) * model.place_steps
        self._weights = model.weights[:, None]
        longest_region = int(space.region_lengths.max())
        ages = np.arange(longest_region)
        self._in_region = ages[:, None, None] < space.region_lengths  # (ages, intervals, places)
        self._ages = ages
        self._ring = np.zeros((self._frames, count, space.places))  # by the frame a beat began, modulo frames
        self.reset()

    def reset(self) -> None:
        """Return to the state before the first frame."""
        model, space = self.model, self.model.space
        self._now = self._frames - 1  # slot of the current frame
        self.lost = model.lost_at_start
        ages = np.arange(self._frames)[::-1]  # of the slots
        inside = ages[:, None] < space.intervals
        per_state = (1.0 - self.lost) * model.entry / space.intervals[:, None]
        self._ring[:] = np.where(inside[:, :, None], per_state, 0.0)

    def step(self, ratios: Float64) -> None:
        """Advance by one frame.

        Args:
            ratios: density of the frame at a beat divided by that of "no beat", shape (classes,), with the
                classes of `dbn.observation`.
        """
        model = self.model
        self._now = (self._now + 1) % self._frames
        ending = self._began(-model.space.intervals), self._rows
        ended = self._ring[ending] * self._weights  # (intervals, places)
        self._ring[ending] = 0.0
        begin = model.interval_steps @ (ended @ self._keep)
        begin += self.lost * model.enter * model.entry
        self.lost = self.lost * (1.0 - model.enter) + float(ended.sum()) * model.lose
        self._ring[self._now] = begin
        factors = np.where(self._in_region, ratios[model.space.observation_class], 1.0)
        self._ring[self._began(-self._ages)] *= factors
        total = float(self._ring.sum()) + self.lost
        self._ring /= total
        self.lost /= total

    def _began(self, frames: Int64) -> Int64:
        """Return the slots of beats that began at frames relative to the current one."""
        return (self._now + frames) % self._frames

    def recent(self, frames: int) -> Float64:
        """Return the probabilities of beats of age 0 to `frames` - 1, shape (ages, intervals, places)."""
        return self._ring[self._began(-np.arange(frames))]

    def coming(self, frames: int) -> Float64:
        """Return the probabilities of beats that end in 1 to `frames` frames, (ahead, intervals, places)."""
        ahead = np.arange(1, frames + 1)[:, None]
        return self._ring[self._began(ahead - self.model.space.intervals), self._rows]

    def by_age(self) -> Float64:
        """Return the probabilities of all states, by age of the beat, shape (ages, intervals, places)."""
        return self.recent(self._frames)
