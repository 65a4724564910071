"""Find the most probable beats and bars with anchors.

A path through an anchor that contradicts the network is usually most probable if it deviates near the anchor
only: one bar with a beat too many or too few costs less than all bars of a recording at another place. But if
the bars are wrong at one place, they are mostly wrong throughout. Anchors with a position therefore keep of
the best path without anchors what they can:

1. its beats and its metre: only the bars move;
2. its beats, with any metre or change of metre that is allowed;
3. nothing: the result is the best of all paths through the anchors.

The first of these for which there is a path is taken, and the best of its paths. Anchors without a position
say nothing of the bars, so the best path through them is taken at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.observation import Observation, Window
from beattrack.decoding.dbn.search import search
from beattrack.decoding.dbn.settings import DBNSettings
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.unmet import why_unmet
from beattrack.decoding.dbn.viterbi import MakeAdvance, Path, Viterbi
from beattrack.decoding.dbn.windows import AnchorWindow
from beattrack.errors import SettingsError

Int64 = NDArray[np.int64]

# A beat this close to the window of an anchor is moved into it, and the others stay.
NEAR_SECONDS = 0.05
# Near an anchor without such a beat, beats may change within this time.
LOOSE_SECONDS = 5.0


def best_anchored_path(
    spaces: tuple[StateSpace, ...],
    observation: Observation,
    anchors: Sequence[AnchorWindow],
    make_advance: MakeAdvance,
    settings: DBNSettings,
    fps: float,
) -> tuple[StateSpace, Path, float]:
    """Return the space, the path and the log-probability of the most probable beats with these anchors.

    Args:
        spaces: the state spaces.
        observation: log-densities of the frames, without windows.
        anchors: the anchors with their windows.
        make_advance: maker of the forward step.
        settings: settings of the decoder.
        fps: frames per second.

    Raises:
        SettingsError: if no path meets the anchors.
    """

    def best(spaces: Sequence[StateSpace], windows: Sequence[Window]) -> Viterbi:
        seen = replace(observation, windows=tuple(windows))
        # A generator, so that only the best and the current one are in memory.
        viterbis = (search(space, seen, make_advance) for space in spaces)
        return max(viterbis, key=lambda viterbi: viterbi.log_probability)

    windows = [anchor.window for anchor in anchors]
    attempts: list[tuple[Sequence[StateSpace], Sequence[Window]]] = [(spaces, windows)]
    if any(window.position for window in windows):
        attempts = [*_attempts_to_keep(best(spaces, ()), spaces, windows, fps), *attempts]
    for attempt in attempts:
        found = best(*attempt)
        if found.log_probability > -np.inf:
            return found.space, found.path(), found.log_probability
    raise SettingsError(why_unmet(anchors, spaces, make_advance, settings))


def _attempts_to_keep(
    free: Viterbi, spaces: Sequence[StateSpace], windows: Sequence[Window], fps: float
) -> Iterator[tuple[Sequence[StateSpace], Sequence[Window]]]:
    """Yield spaces and windows that keep the beats and the metre of the best path without anchors."""
    path = free.path()
    held = with_beats_held(path.starts[path.starts >= 0], windows, fps)
    metres = set(free.space.metre[path.places].tolist())
    if len(metres) == 1:
        yield [free.space.only(metres.pop())], held
    if sum(len(space.metres) for space in spaces) > 1:
        yield spaces, held


def with_beats_held(starts: Int64, windows: Sequence[Window], fps: float) -> list[Window]:
    """Return windows that keep beats at their frames, besides those of anchors.

    A beat in the window of an anchor, or at most `NEAR_SECONDS` from it, takes the position of the anchor.
    Beats within `LOOSE_SECONDS` of an anchor that has no such beat are not held.

    Args:
        starts: first frames of the beats, ascending, shape (beats,).
        windows: windows of the anchors, in ascending order.
        fps: frames per second.

    Returns:
        Windows in ascending order without overlap.
    """
    free = set(starts.tolist())
    known, loose = [], []
    for window in windows:
        # 0 for a beat inside the window.
        distances = np.maximum(np.maximum(window.start - starts, starts - window.stop + 1), 0)
        nearest = int(starts[distances.argmin()]) if len(starts) else -1
        if nearest not in free or distances.min() > round(NEAR_SECONDS * fps):
            loose.append(window)
            continue
        free.remove(nearest)
        inside = distances.min() == 0
        known.append(Window(nearest, nearest + 1, window.position) if inside else window)
    reach = LOOSE_SECONDS * fps
    others = np.array(sorted(free), dtype=np.int64)
    for window in loose:
        others = others[(others < window.start - reach) | (others >= window.stop + reach)]
    kept = [Window(start, start + 1) for start in others.tolist()]
    return sorted([*kept, *known, *loose], key=lambda window: window.start)
