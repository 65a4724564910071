from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.piece import Part, Piece, notes_array, onsets_of, require_rhythm

BEATS = np.arange(16) * 0.5


def part(rows: list[tuple[float, float, float, float]], program: int = 0, *, drums: bool = False) -> Part:
    return Part(name="part", program=program, drums=drums, notes=notes_array(rows))


def piece(parts: tuple[Part, ...], beats: np.ndarray = BEATS) -> Piece:
    return Piece(
        id="one",
        source="band",
        licence="generated",
        genre="rock",
        group="one",
        metre="4/4",
        parts=parts,
        beats=beats,
        positions=np.arange(len(beats), dtype=np.int64) % 4 + 1,
    )


def test_a_piece_knows_tempo_end_and_downbeats() -> None:
    made = piece((part([(0, 1, 60, 90)]), part([(2, 9.5, 40, 90)])))
    assert made.bpm == pytest.approx(120)
    assert made.end == 9.5
    np.testing.assert_array_equal(made.downbeats, [0, 2, 4, 6])
    np.testing.assert_array_equal(onsets_of(made.parts), [0, 2])
    assert piece(()).end == 0


@pytest.mark.parametrize(
    "beats", [np.array([0.0, 0.0]), np.array([1.0, 0.5]), np.array([0.0]), np.array([0, np.nan])]
)
def test_beats_must_rise(beats: np.ndarray) -> None:
    with pytest.raises(ValueError, match="beats"):
        piece((), beats)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[1, 2, 60, 90], [0, 2, 60, 90]], "sorted"),
        ([[1, 1, 60, 90]], "ends before"),
        ([[1, 2, 128, 90]], "pitches"),
        ([[1, 2, 60, 0]], "pitches"),
        ([[np.nan, 2, 60, 90]], "finite"),
    ],
)
def test_notes_that_cannot_be_are_refused(rows: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Part(name="part", program=0, drums=False, notes=np.array(rows, dtype=np.float64))


def test_programs_and_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="program"):
        part([(0, 1, 60, 90)], 128)
    with pytest.raises(ValueError, match="shape"):
        Part(name="part", program=0, drums=False, notes=np.zeros((3, 3)))


@given(
    st.lists(
        st.tuples(st.floats(-1, 100), st.floats(-1, 100), st.floats(-20, 200), st.floats(-20, 200)),
        max_size=20,
    )
)
def test_any_rows_become_valid_notes(rows: list[tuple[float, float, float, float]]) -> None:
    made = part(rows)  # would raise
    assert len(made.notes) == len(rows)
    np.testing.assert_array_equal(np.sort([row[0] for row in rows]), made.notes[:, 0])


def test_struck_and_plucked_instruments_are_crisp() -> None:
    note = [(0.0, 1.0, 60.0, 90.0)]
    assert part(note, 0).crisp
    assert part(note, 25).crisp
    assert part(note, 48, drums=True).crisp
    assert not part(note, 48).crisp  # strings
    assert not part(note, 89).crisp  # pad


def test_music_without_rhythm_is_rejected() -> None:
    often = piece((part([(0.5 * k, 0.5 * k + 0.1, 60, 90) for k in range(16)]),))
    assert require_rhythm(often) is often
    with pytest.raises(RejectedPiece, match="fewer than one note"):
        require_rhythm(piece((part([(2.0 * k, 2.0 * k + 1, 60, 90) for k in range(4)]),)))
    with pytest.raises(RejectedPiece, match="fewer than one note"):
        require_rhythm(piece((part([(0.0, 0.1, 60 + k, 90) for k in range(40)]),)))  # one chord
    crowd = [(0.05 * k, 0.05 * k + 0.04, 60, 90) for k in range(20)] + [(7.4, 7.5, 60, 90)]
    with pytest.raises(RejectedPiece, match="silent"):
        require_rhythm(piece((part(crowd),)))
