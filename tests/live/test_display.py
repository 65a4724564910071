from __future__ import annotations

import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.decoding.online import OnlineState
from beattrack.live.display import Display, status_text
from tests.streaming_cases import moment, online_beat, online_state

STATE = online_state(120.04, 10.0, position=2)
EMPTY = dataclasses.replace(STATE, bpm=None, metre=None, position=None, next_beat=None, confidence=0.0)


def test_the_line_shows_bar_tempo_metre_and_confidence() -> None:
    text = status_text(STATE, 83.4)
    assert text == "   1:23  [. 2 . .]  120.0 BPM  4 beats a bar (80 %)  confidence 90 %"
    assert status_text(EMPTY, 1.0) == "   0:01  listening ..."


@given(
    bpm=st.none() | st.floats(10, 999),
    metre=st.none() | st.integers(1, 40),
    position=st.none() | st.integers(1, 40),
    seconds=st.floats(0, 1e9),
)
def test_it_always_fits(bpm: float | None, metre: int | None, position: int | None, seconds: float) -> None:
    state = dataclasses.replace(
        STATE, bpm=bpm, metre=metre, position=position, confidence=1.0, metre_confidence=1.0
    )
    text = status_text(state, seconds)
    assert len(text) <= 79
    file = io.StringIO()
    Display(file).update(moment(state, seconds, 0.0))
    assert len(file.getvalue()) <= 80
    assert text.isascii()
    assert text.isprintable()


def drawn(*states: OnlineState, every: float = 0.2) -> str:
    file = io.StringIO()
    display = Display(file)
    for index, state in enumerate(states):
        display.update(moment(state, index * every, 50.0))
    display.close()
    return file.getvalue()


def test_a_shorter_line_covers_the_longer_one_and_the_end_leaves_nothing() -> None:
    screen = drawn(STATE, EMPTY)
    assert set(screen) <= set(status_text(STATE, 0) + status_text(EMPTY, 0) + "\r 0123456789:")
    assert visible(screen) == ""
    assert visible(screen[: screen.rindex("\r", 0, -1)]) == status_text(EMPTY, 0.2).rstrip()


def visible(text: str) -> str:
    line: list[str] = []
    column = 0
    for character in text:
        if character == "\r":
            column = 0
            continue
        line[column : column + 1] = [character]
        column += 1
    return "".join(line).rstrip()


def test_it_is_redrawn_a_few_times_a_second_and_after_each_beat() -> None:
    file = io.StringIO()
    display = Display(file)
    for index in range(100):
        display.update(moment(STATE, index / 100, 7.0))
    assert file.getvalue().count("\r") == pytest.approx(10, abs=1)
    before = file.getvalue()
    display.update(moment(STATE, 1.001, 7.0))
    display.beat(online_beat(1.0))
    display.update(moment(STATE, 1.002, 7.0))
    assert file.getvalue() != before
    display.clear()
    assert visible(file.getvalue()) == ""


def test_nothing_drawn_is_nothing_to_clear() -> None:
    file = io.StringIO()
    Display(file).close()
    assert file.getvalue() == ""
