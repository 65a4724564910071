"""The clicks by themselves: how they sound, and at which samples they start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.result import Beats
from beattrack.runtime import checks

Float32: TypeAlias = NDArray[np.float32]
Mode: TypeAlias = Literal["mix", "only", "split"]
MODES: tuple[Mode, ...] = get_args(Mode)

BEAT_HZ, DOWNBEAT_HZ = 1000.0, 1600.0
DECAY_SECONDS = 0.008  # in which a click falls to 1 / e
CLICK_SECONDS = 0.06
LOWEST_LEVEL = -60.0  # dB
LOW_RATE = 6000.0  # Hz; at lower sample rates the pitch falls in proportion, so that it can be represented


@dataclass(frozen=True)
class ClickSettings:
    """How clicks are added to a recording.

    Attributes:
        level: peak of the clicks in dB, relative to the loudest sample of the recording, -60 to 0.
        mode: "mix" adds the clicks to every channel; "only" leaves out the recording; "split" puts the
            recording, mixed down to mono, on the left and the clicks on the right.

    Raises:
        SettingsError: if a value is out of range.
    """

    level: float = -3.0
    mode: Mode = "mix"

    def __post_init__(self) -> None:
        checks.apply(self, {"level": checks.between(LOWEST_LEVEL, 0), "mode": checks.choice(MODES)})

    @property
    def gain(self) -> float:
        """The level as a factor, 0.001 to 1."""
        return float(10 ** (self.level / 20))


class ClickTrack:
    """Clicks at the beats of a recording, computed block by block.

    A click starts at the sample nearest to its beat, and ends early if the next one starts.
    """

    def __init__(self, beats: Beats, rate: float) -> None:
        """Place the clicks of `beats` on samples at `rate` Hz."""
        self.starts: NDArray[np.int64] = np.rint(beats.times * rate).astype(np.int64)  # (beats,)
        self._sounds = (click_sound(BEAT_HZ, rate), click_sound(DOWNBEAT_HZ, rate))
        self._envelope = _envelope(rate)
        length = len(self._envelope)
        after = np.append(self.starts[1:], self.starts[-1:] + length)
        self._lengths = np.minimum(after - self.starts, length)
        self._is_downbeat = np.zeros(len(beats), bool) if beats.positions is None else beats.positions == 1

    def block(self, start: int, count: int) -> tuple[Float32, Float32]:
        """Return the clicks from sample `start` on, and their envelope.

        Args:
            start: first sample.
            count: number of samples.

        Returns:
            Two arrays of shape (count,): the clicks in -1..1, and their envelope in 0..1, which is nowhere
            below their magnitude. Both are 0 between the clicks.
        """
        clicks, envelope = np.zeros(count, np.float32), np.zeros(count, np.float32)
        first = int(np.searchsorted(self.starts + self._lengths, start, "right"))
        last = int(np.searchsorted(self.starts, start + count, "left"))
        for beat in range(first, last):
            skipped = max(start - int(self.starts[beat]), 0)
            place = max(int(self.starts[beat]) - start, 0)
            part = slice(skipped, min(int(self._lengths[beat]), skipped + count - place))
            target = slice(place, place + part.stop - part.start)
            clicks[target] = self._sounds[int(self._is_downbeat[beat])][part]
            envelope[target] = self._envelope[part]
        return clicks, envelope


def _envelope(rate: float) -> Float32:
    seconds = np.arange(max(round(CLICK_SECONDS * rate), 1)) / rate
    envelope: Float32 = np.exp(-seconds / DECAY_SECONDS).astype(np.float32)
    return envelope


def click_sound(frequency: float, rate: float) -> Float32:
    """Return a click of a frequency in Hz at a sample rate in Hz, with a peak of 1, shape (samples,)."""
    frequency *= min(1.0, rate / LOW_RATE)
    envelope = _envelope(rate)
    # From the second sample of the sine on, as the first is 0 and the click would start a sample late.
    phase = 2 * np.pi * frequency / rate * np.arange(1, len(envelope) + 1)
    click: Float32 = (envelope * np.sin(phase)).astype(np.float32)
    return click
