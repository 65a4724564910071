from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.composing.band_styles import STYLES
from beattrack.rendering.composing.drum_patterns import COMPOUND, CRASH, FOUR, KICK, SNARE, THREE, TOMS
from beattrack.rendering.composing.drummer import Kits, can_drum, play_drums
from beattrack.rendering.composing.grid import Bar, make_bars
from beattrack.rendering.composing.harmony import Chord, Section
from beattrack.rendering.metre import METRES

KITS = Kits("rock", "rock waltz", "slow")


def bars(metre: str, count: int = 16) -> tuple[Bar, ...]:
    phrases = [Section("AB"[k % 2], ((Chord(0),),) * 4) for k in range(count // 4)]
    return make_bars(phrases, [METRES[metre].divisions] * count)


@pytest.mark.parametrize(("table", "length"), [(FOUR, 16), (THREE, 12), (COMPOUND, 12)])
def test_patterns_fill_their_bars(table: dict[str, object], length: int) -> None:
    for kit in table.values():
        lines = [*kit.kicks, *(p for _, p in (*kit.snares, *kit.hats, *kit.extras))]  # type: ignore[attr-defined]
        assert {len(line) for line in lines} == {length}
        assert set("".join(lines)) <= set("Xxo?.")


def test_styles_name_patterns_that_exist() -> None:
    for style in STYLES:
        for name, table in (
            (style.kits.four, FOUR),
            (style.kits.three, THREE),
            (style.kits.compound, COMPOUND),
        ):
            assert not name or name in table, style.name


@pytest.mark.parametrize(
    "metre", ["2/4", "3/4", "4/4", "5/4", "6/4", "7/4", "2/2", "6/8", "9/8", "12/8", "7/8", "5/8"]
)
def test_any_metre_is_drummed_with_its_downbeat(metre: str) -> None:
    song = bars(metre)
    assert can_drum(KITS, song[0].divisions)
    rows = play_drums(np.random.default_rng(0), song, KITS, fills=0.0)
    starts = np.array([row[0] for row in rows])
    assert starts.min() >= 0
    assert starts.max() < song[-1].beat + len(song[-1].divisions)
    kicks = {row[0] for row in rows if row[2] == KICK}
    assert {float(bar.beat) for bar in song} <= kicks


def test_a_style_without_patterns_for_a_metre_cannot_drum() -> None:
    assert not can_drum(Kits(), (4, 4, 4, 4))
    assert not can_drum(Kits("rock"), (4, 4, 4))
    assert not can_drum(Kits("rock"), (4, 4, 4, 4, 4))  # needs a pattern of three too
    assert not can_drum(KITS, (5, 5))


def test_fills_come_at_ends_of_sections_and_crashes_after() -> None:
    song = bars("4/4", 64)
    rows = play_drums(np.random.default_rng(1), song, KITS, fills=1.0)
    toms = np.array([row[0] for row in rows if row[2] in TOMS])
    inside = np.array([(int(time) // 4) % 4 for time in toms])
    assert len(toms)
    assert set(inside) == {3}
    crashes = [row[0] for row in rows if row[2] == CRASH and row[3] > 60]
    assert any(time and time % 16 == 0 for time in crashes)


def test_the_slow_beat_of_slow_rock_has_its_backbeat() -> None:
    rows = play_drums(np.random.default_rng(3), bars("4/4"), Kits("slow rock"), fills=0.0)
    backbeat = [row[0] % 4 for row in rows if row[2] in (37, SNARE)]
    assert set(backbeat) == {1, 3}
    hats = [row[0] for row in rows if row[2] in (42, 46, 51)]
    assert len(hats) >= 16 * 7  # eighths at least: busy, and still slow
