from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beattrack.rendering.composing.harmony import Chord
from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.evidence import on_beat_share, rates
from beattrack.rendering.piece import Part, Piece, notes_array
from beattrack.rendering.sources.mma import LIBRARY, MmaSource, bar_text, heard_in_two
from beattrack.rendering.sources.mma_grooves import metre_of, read_libraries
from tests.midi_cases import assert_same, assert_sound, draw_several

pytest.importorskip("mido")
needs_mma = pytest.mark.skipif(
    shutil.which("mma") is None or not LIBRARY.is_dir(), reason="needs MMA (Debian package mma)"
)

GROOVES = """
Time 4
TimeSig 4 4
DefGroove Rock1  plain
  DefGroove Rock1Intro
DefGroove Rock1End  an ending
DefGroove Rock1Fill
// DefGroove Commented
Time 3
DefGroove RockWaltz
"""


def library(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_libraries_give_their_main_grooves(tmp_path: Path) -> None:
    folder = library(
        tmp_path,
        {
            "stdlib/rock.mma": GROOVES,
            "stdlib/metronome.mma": GROOVES,
            "zoom/count.mma": GROOVES,
            "pflib/metal.mma": "Time 4\nDefGroove metalA\nDefGroove metalFA\nDefGroove metalE\n",
            "stdlib/dixie.mma": "Time 4\nDefGroove Dixie\n",
        },
    )
    libraries = read_libraries(folder)
    assert {name: [groove.name for groove in grooves] for name, grooves in libraries.items()} == {
        "pflib/metal": ["metalA"],
        "stdlib/dixie": ["Dixie"],
        "stdlib/rock": ["Rock1", "RockWaltz"],
    }
    rock = libraries["stdlib/rock"]
    assert [groove.metre.name for groove in rock] == ["4/4", "3/4"]
    assert rock[0].full_name == "stdlib/rock:Rock1"
    assert rock[0].style.genre == "rock"


@pytest.mark.parametrize(
    ("name", "quarters", "signature", "metre", "beats"),
    [
        ("a:B", 4, "4/4", "4/4", (1, 1, 1, 1)),
        ("a:B", 6, "", "6/8", (3, 3)),  # eighths written as quarters
        ("a:B", 3, "6/8", "6/8", (1.5, 1.5)),
        ("a:B", 2, "6/8", "6/8", (1, 1)),  # dotted quarters written as quarters
        ("a:Rock128", 4, "4/4", "12/8", (1, 1, 1, 1)),
        ("a:B", 5, "5/4", "5/4", (1, 1, 1, 1, 1)),
    ],
)
def test_felt_metres(
    name: str, quarters: float, signature: str, metre: str, beats: tuple[float, ...]
) -> None:
    found = metre_of(name, quarters, signature)
    assert found is not None
    assert (found.name, found.beats) == (metre, beats)


def test_unknown_metres_are_left_out() -> None:
    assert metre_of("a:B", 9, "") is None


def test_bars_in_the_language_of_mma() -> None:
    c, am = Chord(0), Chord(9, "m")
    assert bar_text((c,), (4.0,), 4.0) == ["C"]
    assert bar_text((c, am), (4.0,), 4.0) == ["C / Am"]
    assert bar_text((c, am), (3.0,), 4.0) == ["Truncate 3", "C / Am"]
    assert bar_text((c,), (3.5,), 4.0) == ["Truncate 3.5", "C"]
    assert bar_text((c, am), (4.0, 3.0), 4.0) == ["C", "Truncate 3", "Am"]
    assert bar_text((c, am), (6.0,), 6.0) == ["C / / Am"]


def backbeat(bpm: float, positions: tuple[int, ...], genre: str = "rock") -> Piece:
    beats = np.arange(64) * 60.0 / bpm
    places = np.arange(64, dtype=np.int64) % 4 + 1
    rows = [(t, t + 0.1, 38.0, 90.0) for t in beats[np.isin(places, positions)]]
    drums = Part(name="drums", program=0, drums=True, notes=notes_array(rows))
    return Piece(
        id="a",
        source="mma",
        licence="",
        genre=genre,
        group="a",
        metre="4/4",
        parts=(drums,),
        beats=beats,
        positions=places,
    )


def test_a_quick_half_time_feel_is_heard_in_two() -> None:
    halved = heard_in_two(backbeat(140, (3,)))
    assert (halved.metre, halved.positions.max(), len(halved.beats)) == ("2/2", 2, 32)
    assert halved.bpm == pytest.approx(70)
    for same in (backbeat(140, (2, 4)), backbeat(80, (3,)), backbeat(140, (3,), "latin")):
        assert heard_in_two(same) is same
    irregular = backbeat(140, (3,))
    irregular = replace(irregular, beats=irregular.beats[:-2], positions=irregular.positions[:-2])
    with pytest.raises(RejectedPiece, match="irregular"):
        heard_in_two(irregular)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="Debian package mma"):
        MmaSource(tmp_path, "no-such-program").check()
    folder = library(tmp_path, {"stdlib/rock.mma": GROOVES})
    with pytest.raises(RenderError, match="Debian package mma"):
        MmaSource(folder, "no-such-program").draw(np.random.default_rng(0), 20.0)
    with pytest.raises(RenderError, match="grooves"):
        MmaSource(tmp_path / "empty", "true").check()


def test_a_program_that_fails_rejects_the_piece(tmp_path: Path) -> None:
    folder = library(tmp_path, {"stdlib/rock.mma": GROOVES})
    with pytest.raises(RejectedPiece, match="rejected"):
        MmaSource(folder, "false").draw(np.random.default_rng(0), 20.0)


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return draw_several(MmaSource().draw, 24, seconds=25.0)


@needs_mma
def test_mma_has_more_than_a_thousand_main_grooves() -> None:
    libraries = MmaSource().libraries
    assert sum(len(grooves) for grooves in libraries.values()) > 1000
    assert {groove.metre.name for grooves in libraries.values() for groove in grooves} >= {
        "3/4",
        "4/4",
        "5/4",
        "6/8",
        "12/8",
    }


@needs_mma
def test_pieces_are_sound(pieces: list[Piece]) -> None:
    assert len(pieces) > 18
    for piece in pieces:
        assert_sound(piece, seconds=25.0)
        assert piece.bpm <= 182
    assert len({piece.group for piece in pieces}) > 10
    assert np.mean([on_beat_share(piece) for piece in pieces]) > 0.55


@needs_mma
def test_beats_carry_notes(pieces: list[Piece]) -> None:
    held = []
    for piece in pieces:
        onsets = np.concatenate([part.notes[:, 0] for part in piece.parts])
        held.append(rates(piece, onsets, tolerance=0.08).mean())
    assert np.mean(held) > 0.9


@needs_mma
def test_drawing_is_deterministic() -> None:
    first, second = (MmaSource().draw(np.random.default_rng(2), 20.0) for _ in range(2))
    assert_same(first, second)
