from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.midi import MidiScore, read_midi
from beattrack.rendering.sources.song_index import NOT_STATED, Entry, felt_beats, read_index
from tests.midi_cases import midi_bytes
from tests.rendering.sources.song_cases import row

pytest.importorskip("mido")


def entry(**changes: Any) -> Entry:
    return read_index(json.dumps([row("rock-0001", **changes)]).encode(), name="index.json")[0]


def score(quarters: float, *, bpm: float = 120.0) -> MidiScore:
    notes = [(place, place + 0.5, 60, 90) for place in np.arange(0.0, quarters).tolist()]
    return read_midi(midi_bytes([(0, 0, notes)], bpm=bpm))


def grid(quarters: float, **changes: Any) -> tuple[list[float], list[int]]:
    """Felt beats at 60 quarters a minute, hence in quarters."""
    times, positions = felt_beats(entry(**changes), score(quarters, bpm=60.0))
    return times.tolist(), positions.tolist()


def test_beats_are_those_of_the_signature() -> None:
    times, positions = grid(10)
    assert times == pytest.approx(list(range(10)))
    assert positions == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]


def test_every_signature_starts_a_bar() -> None:
    times, positions = grid(12, signature_ticks=[[0, 4, 4], [2880, 3, 4]])
    assert times == pytest.approx(list(range(12)))
    assert positions == [1, 2, 3, 4, 1, 2, 1, 2, 3, 1, 2, 3]


def test_a_rest_of_a_bar_below_a_quarter_beat_is_no_beat() -> None:
    # The second signature comes 0.1 beat late: the bar before it ends with a beat of 1.1.
    times, positions = grid(8, signature_ticks=[[0, 4, 4], [1968, 4, 4]])
    assert times == pytest.approx([0, 1, 2, 3, 4.1, 5.1, 6.1])
    assert positions == [1, 2, 3, 4, 1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "times", "positions"),
    [
        ({"beat_quarters": 2.0}, [0, 2, 4, 6], [1, 2, 1, 2]),
        ({"beat_quarters": 0.5, "signature_ticks": [[0, 2, 4]]}, np.arange(0, 7.25, 0.5), [1, 2, 3, 4] * 4),
        ({"beat_quarters": 1.5, "signature_ticks": [[0, 6, 8]]}, [0, 1.5, 3, 4.5, 6], [1, 2] * 3),
        ({"beat_quarters": 2.0, "bars_per_felt_bar": 2}, [0, 2, 4, 6], [1, 2, 3, 4]),
        ({"beat_quarters": 2.0, "bars_per_felt_bar": 2, "felt_bar_parity": 1}, [0, 2, 4, 6], [3, 4, 1, 2]),
    ],
    ids=["cut time", "eighths", "compound", "two bars", "two bars, the second first"],
)
def test_felt_level(changes: dict[str, Any], times: list[float], positions: list[int]) -> None:
    found = grid(8, **changes)
    assert found[0] == pytest.approx(list(times))
    assert found[1] == positions[: len(found[0])]


def test_moved_bar_lines_and_the_beats_before_them() -> None:
    times, positions = grid(8, rephased=True, first_downbeat_tick=960)
    assert times == pytest.approx(list(range(8)))
    assert positions == [3, 4, 1, 2, 3, 4, 1, 2]


def test_a_performance_has_its_own_beats() -> None:
    played = [[0.5, 0], [1.0, 1], [1.6, 0], [2.1, 0], [2.7, 1], [3.2, 0]]
    one = entry(expressive=True, beats=played, beat_quarters=None, first_downbeat_tick=None)
    times, positions = felt_beats(one, score(8))
    assert one.expressive
    assert times.tolist() == [time for time, _ in played]
    assert positions.tolist() == [3, 1, 2, 3, 1, 2]
    with pytest.raises(RejectedPiece, match="no beats"):
        felt_beats(entry(expressive=True, beats=[[0.5, 0], [1.0, 0]], beat_quarters=None), score(8))


def test_tempo_changes_of_the_file() -> None:
    times, _ = felt_beats(entry(), score(5, bpm=90.0))
    np.testing.assert_allclose(np.diff(times), 60 / 90, atol=1e-4)


def test_licences_are_as_stated() -> None:
    assert entry().licence == NOT_STATED
    assert entry(licence="none stated for the MIDI files (repository code: MIT)").licence == NOT_STATED
    assert entry(licence="CC BY-NC-SA 4.0").licence == "CC BY-NC-SA 4.0"


@pytest.mark.parametrize("content", [b"{", b"[{}]", b"[1]", b'[{"id": 1}]', b"\xff"])
def test_a_damaged_index(content: bytes) -> None:
    with pytest.raises(RenderError, match=r"index\.json: not an index"):
        read_index(content, name="index.json")
