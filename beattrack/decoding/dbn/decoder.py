"""The decoder that users meet: activations to beats through the DBN."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations, Float
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn.observation import active_frames, beat_classes, observe
from beattrack.decoding.dbn.settings import DBNSettings
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.tempo_head import listen
from beattrack.decoding.dbn.viterbi import MakeAdvance, Path, Viterbi, numpy_advance
from beattrack.errors import MissingExtraError
from beattrack.runtime import checks

Int64 = NDArray[np.int64]
Engine = Literal["auto", "numpy", "numba"]

# Loading numba and its compiled code from the cache takes 0.6 to 0.9 s of CPU. Measured in fresh processes
# with default settings at 100 frames a second, NumPy / numba in CPU seconds: 3 minutes of bars 0.4 / 0.9,
# 8 minutes (1.1e9 steps) 1.3 / 1.7, 15 minutes 2.6 / 2.3, 30 minutes 6.0 / 4.3; 30 minutes of beats alone
# (6e8 steps) 0.8 / 0.9. Once as many steps are done without it, it would have paid.
NUMBA_PAYS_FROM_STEPS = 1_200_000_000


class DBNDecoder:
    """Exact decoding of beats, or of beats and downbeats jointly, with the bar-pointer model.

    With `DBNSettings.madmom()`, the result is that of madmom's DBNBeatTrackingProcessor (for activations
    without downbeats) or DBNDownBeatTrackingProcessor, as long as the tempo range is the default one, or an
    octave or more and ends on whole frames. The engines agree to the last bit; "auto" takes numba if it is
    installed and the input, or all that was decoded so far, is long enough to make up for loading it.

    Raises SettingsError for an unknown engine, MissingExtraError for "numba" without numba.
    """

    name = "dbn"

    def __init__(self, settings: DBNSettings | None = None, *, engine: Engine = "auto") -> None:
        checks.choice(get_args(Engine))("engine", engine)
        if engine == "numba" and not numba_installed():
            raise MissingExtraError("numba", "fast", "the compiled decoder")
        self.settings = DBNSettings() if settings is None else settings
        checks.instance(DBNSettings)("settings", self.settings)
        self.engine = engine
        self._steps = 0  # that were asked of this decoder so far

    def __call__(self, activations: Activations) -> Decoding:
        """Decode one recording; without any activation from the threshold on there are no beats.

        Raises SettingsError where the frame rate is too low for the fastest tempo, or so high for the slowest
        that there are too many states.
        """
        bars = activations.downbeats is not None
        spaces = listen(self._spaces(activations), activations, self.settings.tempo_head)
        classes = beat_classes(activations)
        active = active_frames(classes, self.settings.threshold)
        classes = classes[:, active]
        if not classes.any():
            return Decoding.empty(bars=bars)
        space, path, log_probability = self._best_path(spaces, classes)
        locate = peak_frames if self.settings.correct else (start_frames if bars else turning_frames)
        frames, places = locate(path, space, classes)
        if len(frames) == 0:
            return Decoding.empty(bars=bars)
        return Decoding(
            times=(frames + active.start) / float(activations.fps),
            positions=space.number[places] + 1 if bars else None,
            log_probability=log_probability,
            beats_per_bar=int(space.metre[places[0]]) if bars else None,
            on_peaks=self.settings.correct,
        )

    def _spaces(self, activations: Activations) -> tuple[StateSpace, ...]:
        if activations.downbeats is None:
            return (beat_space(self.settings, activations.fps),)
        return bar_spaces(self.settings, activations.fps)

    def _best_path(self, spaces: tuple[StateSpace, ...], classes: Float) -> tuple[StateSpace, Path, float]:
        """The most probable path over all metres; of equally probable metres the first."""
        observation = observe(classes, self.settings.observation_lambda)
        self._steps += sum(space.steps_per_frame for space in spaces) * observation.frames
        make_advance = self.choose_advance()
        # Lazily, so that only the best so far and the present one are in memory.
        viterbis = (Viterbi(space, observation, make_advance) for space in spaces)
        best = max(viterbis, key=lambda viterbi: viterbi.log_probability)
        return best.space, best.path(), best.log_probability

    def choose_advance(self) -> MakeAdvance:
        """Return the forward step to use now: Numba's compiled one once it saves more than it costs."""
        pays = self._steps >= NUMBA_PAYS_FROM_STEPS and numba_installed()
        if self.engine == "numba" or (self.engine == "auto" and pays):
            from beattrack.decoding.dbn.viterbi_numba import numba_advance

            return numba_advance
        return numpy_advance


def numba_installed() -> bool:
    """Return whether Numba can be imported, without importing it."""
    return find_spec("numba") is not None


def peak_frames(path: Path, space: StateSpace, classes: Float) -> tuple[Int64, Int64]:
    """Frame and place of each beat: the highest activation in its region.

    classes: (classes, frames). Beats whose region lies outside the input are left out.
    """
    frames = classes.shape[1]
    starts = np.maximum(path.starts, 0)
    stops = np.minimum(path.starts + space.region_lengths[path.intervals, path.places], frames)
    visible = stops > starts
    height = classes.max(axis=0)
    regions = zip(starts[visible], stops[visible], strict=True)
    peaks = [int(start) + int(height[start:stop].argmax()) for start, stop in regions]
    return np.array(peaks, dtype=np.int64), path.places[visible]


def start_frames(path: Path, space: StateSpace, classes: Float) -> tuple[Int64, Int64]:
    """Frame and place of each beat: its first frame, as madmom takes it for bars.

    A beat that begins with the very first frame is not counted, as nothing is seen to change there.
    """
    inside = path.starts > 0
    return path.starts[inside], path.places[inside]


def turning_frames(path: Path, space: StateSpace, classes: Float) -> tuple[Int64, Int64]:
    """Frame and place of each beat: its first frame, as madmom takes it for beats alone.

    The first and the last frame count each other as neighbours: that is how madmom decides whether a beat cut
    by the start or beginning at the end is one.
    """
    frames = np.arange(classes.shape[1])
    beat = np.searchsorted(path.starts, frames, side="right") - 1  # (frames,) the beat each frame lies in
    steps = frames - path.starts[beat]
    positions = steps * (1.0 / space.intervals[path.intervals[beat]])
    lowest = (positions < np.roll(positions, 1)) & (positions < np.roll(positions, -1))
    in_region = steps < space.region_lengths[path.intervals[beat], path.places[beat]]
    found = np.flatnonzero(lowest & in_region)
    return found, path.places[beat[found]]
