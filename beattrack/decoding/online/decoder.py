"""Follow beats as they happen, with the bar-pointer model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import MAX_FPS
from beattrack.decoding.online.decisions import Decisions
from beattrack.decoding.online.expectation import expectation
from beattrack.decoding.online.filter import ForwardFilter
from beattrack.decoding.online.model import online_model
from beattrack.decoding.online.observation import likelihood_ratios
from beattrack.decoding.online.results import NOTHING, OnlineBeat, OnlineState
from beattrack.decoding.online.settings import OnlineSettings
from beattrack.errors import ActivationError
from beattrack.runtime import checks

Floats = NDArray[np.floating]


class OnlineDecoder:
    """Decoder of beats and bars that reports each beat as it happens.

    The result does not depend on how the frames are grouped. Time and memory for a frame do not grow with the
    number of frames.

    Args:
        settings: settings of the decoder; None takes the defaults.
        fps: frames per second.
        bars: whether bars are followed; without them, downbeat activations are ignored.

    Raises:
        SettingsError: if the frame rate is too low for the fastest tempo, or so high for the slowest one that
            there are too many states.
    """

    def __init__(
        self, settings: OnlineSettings | None = None, *, fps: float = 100.0, bars: bool = True
    ) -> None:
        self.settings = OnlineSettings() if settings is None else settings
        checks.instance(OnlineSettings)("settings", self.settings)
        self.fps: float = checks.between(0, MAX_FPS, low_open=True)("fps", fps)
        self.bars = bars
        self._posterior = ForwardFilter(online_model(self.settings, self.fps, bars=bars))
        self._decisions = Decisions(self._posterior, self.settings, self.fps, bars=bars)
        self._frames = 0
        self._state: OnlineState | None = NOTHING

    def process(self, beats: Floats, downbeats: Floats | None = None) -> list[OnlineBeat]:
        """Follow the next frames.

        Args:
            beats: probability of a beat at each frame, downbeats included, shape (frames,). NaN counts as 0.
            downbeats: probability of a downbeat, shape (frames,); None only if bars are not followed.

        Returns:
            The beats that are reported at these frames, in order; often none.

        Raises:
            ActivationError: if the arrays are not one-dimensional, differ in length, or downbeats are
                missing.
        """
        beats, downbeats = _checked(beats, downbeats, bars=self.bars)
        found = []
        for ratios in likelihood_ratios(beats, downbeats, self.settings):
            self._posterior.step(ratios)
            beat = self._decisions.decide(self._frames)
            self._frames += 1
            if beat is not None:
                found.append(beat)
        if len(beats):
            self._state = None
        return found

    @property
    def state(self) -> OnlineState:
        """Tempo, metre, position and the expected next beat after the last frame."""
        if self._state is None:
            tolerance = round(self.settings.tolerance * self.fps)
            self._state = expectation(self._posterior, self._frames - 1, self.fps, tolerance, bars=self.bars)
        return self._state

    def reset(self) -> None:
        """Return to the state before the first frame."""
        self._posterior.reset()
        self._decisions.reset()
        self._frames = 0
        self._state = NOTHING


def _checked(beats: Floats, downbeats: Floats | None, *, bars: bool) -> tuple[Floats, Floats | None]:
    """Return the activations to decode, None for downbeats that are ignored."""
    beats = np.asarray(beats)
    if not bars:
        downbeats = None
    elif downbeats is None:
        raise ActivationError("following bars needs downbeat activations; pass them, or set bars to False")
    else:
        downbeats = np.asarray(downbeats)
    for name, array in (("beats", beats), ("downbeats", downbeats)):
        if array is not None and (array.ndim != 1 or array.dtype.kind != "f"):
            raise ActivationError(f"{name} must be a one-dimensional array of floats")
    if downbeats is not None and len(downbeats) != len(beats):
        raise ActivationError(
            f"beats and downbeats must have the same length, not {len(beats)} and {len(downbeats)}"
        )
    return beats, downbeats
