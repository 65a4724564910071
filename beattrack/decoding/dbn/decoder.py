"""Decode activations to beats with the dynamic Bayesian network."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations, Float
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn.anchored import best_anchored_path
from beattrack.decoding.dbn.observation import Window, active_frames, beat_classes, observe
from beattrack.decoding.dbn.search import bounds_pay, search
from beattrack.decoding.dbn.settings import DBNSettings
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.tempo_head import listen
from beattrack.decoding.dbn.unmet import check_positions, why_unmet
from beattrack.decoding.dbn.viterbi import MakeAdvance, Path, numpy_advance
from beattrack.decoding.dbn.windows import AnchorWindow, anchor_windows
from beattrack.errors import MissingExtraError, SettingsError
from beattrack.runtime import checks

if TYPE_CHECKING:
    from beattrack.decoding.dbn.posterior import Posterior

Int64 = NDArray[np.int64]
Engine = Literal["auto", "numpy", "numba"]

# Loading numba and its compiled code from the cache takes 0.6 to 1.4 s of CPU, and the compiled search of all
# paths then saves about a third of 3.3 s for an hour of bars (4.7e9 steps; default settings, 100 frames per
# second). For recordings of a few minutes the search with bounds is faster in NumPy, so these do not count.
# From this many steps on, numba is the faster choice.
NUMBA_PAYS_FROM_STEPS = 6_000_000_000


class DBNDecoder:
    """Exact decoder of beats, or of beats and downbeats jointly, with the bar-pointer model.

    With `DBNSettings.madmom()`, the result equals that of madmom's DBNBeatTrackingProcessor (for activations
    without downbeats) or DBNDownBeatTrackingProcessor, provided that the tempo range is the default, or spans
    at least an octave and ends on whole frames.

    Args:
        settings: settings of the model; None takes the defaults.
        engine: "numpy", "numba" or "auto"; the results are identical. "auto" uses numba if it is installed
            and enough has been decoded to make up for the time it takes to load.

    Raises:
        SettingsError: if the engine is unknown.
        MissingExtraError: if the engine is "numba" and numba is not installed.
    """

    name = "dbn"

    def __init__(self, settings: DBNSettings | None = None, *, engine: Engine = "auto") -> None:
        checks.choice(get_args(Engine))("engine", engine)
        if engine == "numba" and not numba_installed():
            raise MissingExtraError("numba", "fast", "the compiled decoder")
        self.settings = DBNSettings() if settings is None else settings
        checks.instance(DBNSettings)("settings", self.settings)
        self.engine = engine
        self._steps = 0  # total work so far

    def __call__(
        self, activations: Activations, anchors: Anchors | None = None, *, start: float = 0.0
    ) -> Decoding:
        """Return the beats of one recording; none without anchors and activations above the threshold.

        Args:
            activations: activations of the recording.
            anchors: beats that the result must contain, see `beattrack.decoding.dbn.anchored`; None for no
                anchors.
            start: seconds from the start of the recording, from which anchors count, to the first frame.

        Raises:
            SettingsError: if the frame rate is too low for the fastest tempo, or so high for the slowest one
                that there are too many states; or if no sequence of beats meets the anchors.
        """
        bars = activations.downbeats is not None
        spaces, classes, active, held = self._input(activations, anchors, start)
        if not held and not classes.any():
            return Decoding.empty(bars=bars)
        space, path, log_probability = self._best_path(spaces, classes, held, float(activations.fps))
        frames, places = self._frames(path, space, classes, held, bars)
        if len(frames) == 0:
            return Decoding.empty(bars=bars)
        times = (frames + active.start) / float(activations.fps)
        if anchors is not None and anchors.tolerance == 0:
            for anchor in held:  # a window of one frame
                times[np.searchsorted(frames, anchor.window.start)] = anchor.time - start
        return Decoding(
            times=times,
            positions=space.number[places] + 1 if bars else None,
            log_probability=log_probability,
            beats_per_bar=commonest_metre(path, space) if bars else None,
            on_peaks=self.settings.correct,
        )

    def posterior(
        self,
        activations: Activations,
        anchors: Anchors | None = None,
        *,
        start: float = 0.0,
        evidence: float = 1.0,
    ) -> Posterior:
        """Return the posterior probabilities of the beats of one recording, over all paths with the anchors.

        They are 0 in the frames that `DBNSettings.threshold` excludes. This takes several times as long as
        decoding.

        Args:
            activations, anchors, start: as for decoding.
            evidence: weight from 0 to 1 of the log-densities of the activations and of the scores of tempi. 1
                takes every frame as new evidence; but a network that is wrong about one beat is wrong about
                many, so a lower weight gives probabilities that are nearer the truth.

        Raises:
            SettingsError: as decoding does.
        """
        # Imported here, because few runs need it.
        from beattrack.decoding.dbn.forward_backward import forward_backward
        from beattrack.decoding.dbn.posterior import Posterior

        checks.between(0, 1)("evidence", evidence)
        bars, frames = activations.downbeats is not None, len(activations.beats)
        spaces, classes, active, held = self._input(activations, anchors, start)
        if not held and not classes.any():
            return Posterior.empty(frames, float(activations.fps), bars=bars)
        windows = [anchor.window for anchor in held]
        observation = observe(classes, self.settings.observation_lambda, windows)
        found = [
            forward_backward(space.weighted(evidence), observation.weighted(evidence)) for space in spaces
        ]
        if all(one.log_likelihood == -np.inf for one in found):
            raise SettingsError(why_unmet(held, spaces, self.choose_advance(), self.settings))
        return Posterior.from_spaces(
            spaces,
            found,
            fps=float(activations.fps),
            bars=bars,
            before=active.start,
            after=frames - active.stop,
        )

    def _input(
        self, activations: Activations, anchors: Anchors | None, start: float
    ) -> tuple[tuple[StateSpace, ...], Float, slice, list[AnchorWindow]]:
        """Return the state spaces, the classes of the active frames, these frames, and their windows."""
        spaces = listen(self._spaces(activations), activations, self.settings.tempo_head)
        classes = beat_classes(activations)
        held = [] if anchors is None else self._windows(anchors, activations, spaces, start)
        active = active_frames(classes, self.settings.threshold, [anchor.window for anchor in held])
        return spaces, classes[:, active], active, [anchor.moved(-active.start) for anchor in held]

    def _frames(
        self, path: Path, space: StateSpace, classes: Float, held: Sequence[AnchorWindow], bars: bool
    ) -> tuple[Int64, Int64]:
        """Return the frames and places of the beats to report."""
        if self.settings.correct:
            return peak_frames(path, space, classes, [anchor.window for anchor in held])
        if held:  # none of whose beats may be omitted
            inside = path.starts >= 0
            return path.starts[inside], path.places[inside]
        locate = start_frames if bars else turning_frames
        return locate(path, space, classes)

    def _windows(
        self, anchors: Anchors, activations: Activations, spaces: tuple[StateSpace, ...], start: float
    ) -> list[AnchorWindow]:
        fps, frames = float(activations.fps), len(activations.beats)
        anchors.check_inside(start + (frames + 1) / fps)
        shortest = min(space.shortest for space in spaces)
        held = anchor_windows(anchors, fps=fps, frames=frames, shortest=shortest, start=start)
        check_positions(held, spaces, bars=activations.downbeats is not None)
        return held

    def _spaces(self, activations: Activations) -> tuple[StateSpace, ...]:
        if activations.downbeats is None:
            return (beat_space(self.settings, activations.fps),)
        return bar_spaces(self.settings, activations.fps)

    def _best_path(
        self, spaces: tuple[StateSpace, ...], classes: Float, held: Sequence[AnchorWindow], fps: float
    ) -> tuple[StateSpace, Path, float]:
        """Return the space, path and log-probability of the most probable metre; on ties, the first."""
        observation = observe(classes, self.settings.observation_lambda)
        frames = observation.frames
        self._steps += frames * sum(
            space.steps_per_frame for space in spaces if not bounds_pay(space, frames)
        )
        make_advance = self.choose_advance()
        if held:
            return best_anchored_path(spaces, observation, held, make_advance, self.settings, fps)
        # A generator, so that only the best and the current one are in memory.
        viterbis = (search(space, observation, make_advance) for space in spaces)
        best = max(viterbis, key=lambda viterbi: viterbi.log_probability)
        return best.space, best.path(), best.log_probability

    def choose_advance(self) -> MakeAdvance:
        """Return the forward step of the engine; with "auto", numba's once it saves more than it costs."""
        pays = self._steps >= NUMBA_PAYS_FROM_STEPS and numba_installed()
        if self.engine == "numba" or (self.engine == "auto" and pays):
            from beattrack.decoding.dbn.viterbi_numba import numba_advance

            return numba_advance
        return numpy_advance


def numba_installed() -> bool:
    """Return whether numba is installed, without importing it."""
    return find_spec("numba") is not None


def commonest_metre(path: Path, space: StateSpace) -> int:
    """Return the number of beats in most bars of a path, the lowest on ties; parts of bars count as such."""
    beats = np.bincount(space.metre[path.places])
    return int((beats[1:] / np.arange(1, len(beats))).argmax()) + 1


def peak_frames(
    path: Path, space: StateSpace, classes: Float, windows: Sequence[Window] = ()
) -> tuple[Int64, Int64]:
    """Return the frame of the highest activation in the region of each beat.

    Args:
        path: the beats.
        space: state space of the path.
        classes: probabilities, shape (classes, frames).
        windows: windows that the beats in them must not leave.

    Returns:
        Frames and places, each of shape (beats,). Beats whose region lies outside the input are omitted.
    """
    frames = classes.shape[1]
    starts = np.maximum(path.starts, 0)
    stops = np.minimum(path.starts + space.region_lengths[path.intervals, path.places], frames)
    height = classes.max(axis=0)
    for window in windows:
        beat = np.searchsorted(path.starts, window.start)
        stops[beat] = min(stops[beat], window.stop)
        if np.ptp(height[window.start : window.stop]) == 0:  # nothing is heard that could tell the frame
            starts[beat] = (window.start + window.stop - 1) // 2
            stops[beat] = starts[beat] + 1
    visible = stops > starts
    regions = zip(starts[visible], stops[visible], strict=True)
    peaks = [int(start) + int(height[start:stop].argmax()) for start, stop in regions]
    return np.array(peaks, dtype=np.int64), path.places[visible]


def start_frames(path: Path, space: StateSpace, classes: Float) -> tuple[Int64, Int64]:
    """Return the first frame of each beat, as madmom does when it decodes bars.

    A beat that begins at frame 0 is omitted, because madmom detects beats by a change of state.

    Args:
        path: the beats.
        space: state space of the path.
        classes: probabilities, shape (classes, frames).

    Returns:
        Frames and places, each of shape (beats,).
    """
    inside = path.starts > 0
    return path.starts[inside], path.places[inside]


def turning_frames(path: Path, space: StateSpace, classes: Float) -> tuple[Int64, Int64]:
    """Return the first frame of each beat, as madmom does when it decodes beats alone.

    The first and last frames are neighbours, as in madmom; this decides whether a beat that is cut off by the
    start, or that begins at the end, is reported.

    Args:
        path: the beats.
        space: state space of the path.
        classes: probabilities, shape (classes, frames).

    Returns:
        Frames and places, each of shape (beats,).
    """
    frames = np.arange(classes.shape[1])
    beat = np.searchsorted(path.starts, frames, side="right") - 1  # (frames,) beat that contains each frame
    steps = frames - path.starts[beat]
    positions = steps * (1.0 / space.intervals[path.intervals[beat]])
    lowest = (positions < np.roll(positions, 1)) & (positions < np.roll(positions, -1))
    in_region = steps < space.region_lengths[path.intervals[beat], path.places[beat]]
    found = np.flatnonzero(lowest & in_region)
    return found, path.places[beat[found]]
