"""Find out which anchor cannot be met, and say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beattrack.decoding.dbn.observation import Observation, Window
from beattrack.decoding.dbn.settings import DBNSettings
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.viterbi import MakeAdvance, Viterbi
from beattrack.decoding.dbn.windows import AnchorWindow
from beattrack.errors import SettingsError


def check_positions(anchors: Sequence[AnchorWindow], spaces: Sequence[StateSpace], *, bars: bool) -> None:
    """Check that the bars have the positions of the anchors.

    Args:
        anchors: windows of the anchors.
        spaces: the state spaces.
        bars: whether bars are tracked.

    Raises:
        SettingsError: if an anchor has a position that no bar has.
    """
    longest = max(max(space.metres) for space in spaces)
    for anchor in anchors:
        position = anchor.window.position
        if position is not None and not bars:
            raise SettingsError(
                f"the anchor at {anchor.time:.2f} s has a position in the bar, but the activations have no "
                "downbeats; leave out its position"
            )
        if position is not None and position > longest:
            raise SettingsError(
                f"the anchor at {anchor.time:.2f} s has position {position}, but the longest bar has "
                f"{longest} beats (beats_per_bar)"
            )


def why_unmet(
    anchors: Sequence[AnchorWindow],
    spaces: Sequence[StateSpace],
    make_advance: MakeAdvance,
    settings: DBNSettings,
) -> str:
    """Return a sentence on the first anchor that no path meets together with those before it.

    Args:
        anchors: windows that no path meets together.
        spaces: the state spaces.
        make_advance: maker of the forward step.
        settings: settings of the decoder.
    """

    def possible(windows: Sequence[Window]) -> bool:
        # Only whether there is a path matters, so all frames score alike.
        frames = windows[-1].stop
        observation = Observation(base=0.0, scores=np.zeros((2, frames)), windows=tuple(windows))
        return any(Viterbi(space, observation, make_advance).log_probability > -np.inf for space in spaces)

    windows = [anchor.window for anchor in anchors]
    met, unmet = 0, len(anchors)  # numbers of anchors that can be met, and that cannot
    while unmet - met > 1:
        middle = (met + unmet) // 2
        met, unmet = (middle, unmet) if possible(windows[:middle]) else (met, middle)
    anchor = anchors[unmet - 1]
    if possible([replace(window, position=None) for window in windows[:unmet]]):
        metres = " or ".join(str(metre) for metre in settings.beats_per_bar)
        return (
            f"no bars of {metres} beats meet the anchor at {anchor.time:.2f} s and those before it; check "
            "its position, or allow other bars (beats_per_bar, metre_change)"
        )
    slowest, fastest = settings.widest_bpm_range
    if unmet > 1 and _too_close(anchors[unmet - 2], anchor, spaces):
        return (
            f"the anchors at {anchors[unmet - 2].time:.2f} s and {anchor.time:.2f} s are too close for the "
            f"fastest tempo allowed, {fastest:g} BPM (max_bpm)"
        )
    return (
        f"no steady beats from {slowest:g} to {fastest:g} BPM meet the anchor at {anchor.time:.2f} s and "
        "those before it; check its time, raise the tolerance, or allow other tempi (min_bpm, max_bpm) or "
        "less steady ones (transition_lambda)"
    )


def _too_close(one: AnchorWindow, other: AnchorWindow, spaces: Sequence[StateSpace]) -> bool:
    shortest = min(space.shortest for space in spaces)
    return other.window.stop - 1 - one.window.start < shortest
