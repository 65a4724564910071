"""Anchors: beats that are known, which the decoder's result must contain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import SettingsError
from beattrack.runtime import checks

DEFAULT_TOLERANCE = 0.07  # seconds
_MAX_TOLERANCE = 1.0
_MAX_POSITION = 64  # beats of the longest bar, as in DBNSettings

_TIME = checks.at_least(0)
_POSITION = checks.optional(checks.between(1, _MAX_POSITION, whole=True))


@dataclass(frozen=True)
class Anchors:
    """Known beats of a recording, in ascending order.

    A decoded beat begins near every anchor, and nearer to it than to any other anchor.

    Attributes:
        times: seconds from the start of the recording, at least one.
        positions: position of each in its bar, 1 = downbeat, None if it is not known; None if no position
            is known.
        tolerance: largest distance of a beat from its anchor in seconds, at most 1. It is reduced to half of
            the shortest beat interval, and is at least half a frame; with 0, the beat is reported at exactly
            the time of the anchor.

    Raises:
        SettingsError: if a value is out of range.
    """

    times: tuple[float, ...]
    positions: tuple[int | None, ...] | None = None
    tolerance: float = DEFAULT_TOLERANCE

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "times": checks.several(_TIME),
                "positions": checks.optional(checks.several(_POSITION)),
                "tolerance": checks.between(0, _MAX_TOLERANCE),
            },
            prefix="anchor ",
        )
        times, count = self.times, len(self.times)
        positions = (None,) * count if self.positions is None else self.positions
        if len(positions) != count:
            raise SettingsError(f"anchor positions must be {count}, as many as times, not {len(positions)}")
        order = sorted(range(count), key=times.__getitem__)
        object.__setattr__(self, "times", tuple(float(times[index]) for index in order))
        object.__setattr__(self, "positions", tuple(positions[index] for index in order))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def pairs(self) -> list[tuple[float, int | None]]:
        """Time and position of each anchor."""
        return list(zip(self.times, self.positions or (None,) * len(self), strict=True))

    def frames(self, fps: float, count: int, start: float = 0.0) -> NDArray[np.int64]:
        """Return the frame nearest to each anchor.

        Args:
            fps: frames per second.
            count: number of frames.
            start: seconds from the start of the recording to the first frame.

        Returns:
            Frames from 0 to count - 1, shape (anchors,).
        """
        frames: NDArray[np.int64] = np.rint((np.array(self.times) - start) * fps).astype(np.int64)
        return frames.clip(0, count - 1)

    def keep(self, kept: NDArray[np.bool_]) -> Anchors | None:
        """Return the anchors in a mask of shape (anchors,); None if there are none."""
        pairs = [pair for pair, keep in zip(self.pairs, kept.tolist(), strict=True) if keep]
        if not pairs:
            return None
        times, positions = zip(*pairs, strict=True)
        return replace(self, times=times, positions=positions)

    def inside(self, start: float, end: float, fps: float) -> Anchors | None:
        """Return the anchors from one time in seconds to another, up to a frame outside; None if none are."""
        times = np.array(self.times)
        return self.keep((times >= start - 1 / fps) & (times <= end + 1 / fps))

    def check_inside(self, duration: float) -> None:
        """Raise SettingsError if an anchor is after the end of a recording of `duration` seconds."""
        for time in self.times:
            if time > duration or duration == 0:
                raise SettingsError(
                    f"the anchor at {time:.2f} s is outside the recording, which lasts {duration:.2f} s"
                )

    def held(self, times: NDArray[np.float64], fps: float) -> NDArray[np.bool_]:
        """Return which beats belong to an anchor: those nearest to one, within the tolerance.

        Args:
            times: times of beats in seconds, ascending, shape (beats,).
            fps: frames per second of the activations that the beats are of.

        Returns:
            Mask of shape (beats,).
        """
        mask = np.zeros(len(times), dtype=bool)
        if len(times):
            known = np.array(self.times)
            after = np.searchsorted(times, known).clip(1, max(len(times) - 1, 1))
            pairs = np.stack([after - 1, np.minimum(after, len(times) - 1)])  # (before and after, anchors)
            distances = np.abs(times[pairs] - known)
            near = distances.min(axis=0) <= max(self.tolerance, 0.5 / fps) + 1e-6
            mask[pairs[distances.argmin(axis=0), np.arange(len(known))][near]] = True
        return mask


Known: TypeAlias = "Anchors | Iterable[float | tuple[float, int | None]]"


def as_anchors(known: Known | None) -> Anchors | None:
    """Return anchors from what a caller passes.

    Args:
        known: anchors, or times in seconds, each alone or in a pair with its position; None for no anchors.

    Raises:
        SettingsError: if a value is out of range or no number.
    """
    if known is None or isinstance(known, Anchors):
        return known
    rows: list[Any] = list(known) if checks.is_sequence(known) else []
    pairs = [tuple(row) if checks.is_sequence(row) else (row, None) for row in rows]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise SettingsError(
            f"anchors must be times in seconds or pairs of time and position, not {checks.shown(known)}"
        )
    return Anchors(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))
