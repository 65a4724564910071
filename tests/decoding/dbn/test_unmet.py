from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.decoding.anchors import Anchors
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.errors import SettingsError
from tests.dbn_cases import beats_only, pulse

MUSIC = pulse(12.0, seed=1)


def refusal(*known: tuple[float, int | None], tolerance: float = 0.0, **options: object) -> str:
    decoder = DBNDecoder(DBNSettings(**options))  # type: ignore[arg-type]
    times, positions = zip(*known, strict=True)
    with pytest.raises(SettingsError) as raised:
        decoder(MUSIC, Anchors(times, positions, tolerance))
    return str(raised.value)


@pytest.mark.parametrize("change", [None, 1e-6])
def test_anchors_too_close_for_the_fastest_tempo(change: float | None) -> None:
    message = refusal((2.0, None), (4.0, None), (4.2, None), (6.0, None), metre_change=change)
    assert message == (
        "the anchors at 4.00 s and 4.20 s are too close for the fastest tempo allowed, 215 BPM (max_bpm)"
    )


def test_anchors_between_the_beats_of_a_narrow_range() -> None:
    message = refusal((2.0, None), (2.75, None), min_bpm=119, max_bpm=121)
    assert message.startswith(
        "no steady beats from 119 to 121 BPM meet the anchor at 2.75 s and those before it; "
    )


def test_a_position_beyond_the_longest_bar() -> None:
    assert refusal((2.0, 3), (3.0, 5)) == (
        "the anchor at 3.00 s has position 5, but the longest bar has 4 beats (beats_per_bar)"
    )


def test_positions_that_no_bar_has_in_this_order() -> None:
    message = refusal((2.0, 1), (4.0, 1), (4.4, 3), (6.0, None))
    assert message.startswith("no bars of 3 or 4 beats meet the anchor at 4.40 s and those before it; ")


def test_bars_of_two_lengths_need_changes_of_metre() -> None:
    rows = [(1.0 + 0.5 * index, position) for index, position in enumerate([1, 2, 3, 4, 1, 2, 3, 1])]
    assert "meet the anchor at 4.50 s" in refusal(*rows)
    times, positions = zip(*rows, strict=True)
    found = DBNDecoder(DBNSettings(metre_change=1e-9))(MUSIC, Anchors(times, positions, 0.0))
    assert set(times) <= set(found.times.tolist())


def test_positions_need_downbeats() -> None:
    with pytest.raises(SettingsError, match=r"at 2\.00 s has a position in the bar, but the activations"):
        DBNDecoder()(beats_only(MUSIC), Anchors((2.0,), (1,)))
    assert len(DBNDecoder()(beats_only(MUSIC), Anchors((2.0,))).times)


def decoded(anchors: Anchors) -> Decoding | str:
    try:
        return DBNDecoder(engine="numpy")(MUSIC, anchors)
    except SettingsError as error:
        return str(error)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1199), st.none() | st.integers(1, 4)),
        min_size=1,
        max_size=6,
        unique_by=lambda row: row[0],
    ),
    st.sampled_from([0.0, 0.03]),
)
def test_the_first_anchor_that_is_not_met_is_named(
    rows: list[tuple[int, int | None]], tolerance: float
) -> None:
    """The sentence names the end of the shortest list of anchors that no path meets."""
    rows.sort()
    for count in range(1, len(rows) + 1):
        times, positions = zip(*((frame / 100, place) for frame, place in rows[:count]), strict=True)
        anchors = Anchors(times, positions, tolerance)
        found = decoded(anchors)
        if isinstance(found, str):
            assert f"{times[-1]:.2f} s" in found
            return
        nearest = np.abs(found.times - times[-1]).argmin()
        assert abs(found.times[nearest] - times[-1]) <= tolerance + 1e-9
        assert found.positions is not None
        assert positions[-1] in (None, found.positions[nearest])
