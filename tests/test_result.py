from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from beattrack import __version__
from beattrack.activations import Activations
from beattrack.decoding.base import Decoding
from beattrack.errors import SettingsError
from beattrack.gridding import Grid, GridPiece
from beattrack.result import Beats, estimate_metre, measured_period, plain
from beattrack.tempo import estimate_tempo
from tests.example_beats import any_beats, make_beats


def test_properties() -> None:
    beats = make_beats()
    assert len(beats) == 8
    assert beats.downbeats.tolist() == [1.5, 3.5]
    assert beats.bpm == 120.0
    assert beats.mean_confidence == pytest.approx(0.55)
    assert repr(beats) == "<Beats: 8 beats in 5.00 s, 120.00 BPM, 4 beats a bar, 'song.wav'>"


def test_grid_and_alternative_are_read_back() -> None:
    grid = Grid(True, "gridable", (GridPiece(0.0, 5.0, 120.0, 0.5, 8),), (None, 0.002, *[0.0] * 6))
    beats = make_beats(grid=grid, alternative=make_beats(metre=3))
    again = Beats.from_dict(json.loads(json.dumps(beats.to_dict())))
    assert again == beats
    assert again.grid == grid
    assert again.alternative == make_beats(metre=3)
    assert beats != make_beats(grid=grid)
    assert pickle.loads(pickle.dumps(beats)) == beats
    assert not {"grid", "alternative"} & make_beats().to_dict().keys()
    for name, damaged in (("grid", {"gridable": 1}), ("alternative", {}), ("alternative", [])):
        with pytest.raises(SettingsError):
            Beats.from_dict({**beats.to_dict(), name: damaged})
    with pytest.raises(SettingsError, match="grid"):
        make_beats(grid={"gridable": True})


def test_no_beats_are_a_result_too() -> None:
    nothing = Beats(times=np.array([]), positions=np.array([]), confidence=np.array([]), duration=3)
    assert (len(nothing), nothing.bpm, nothing.mean_confidence, nothing.downbeats.size) == (0, None, None, 0)
    assert repr(nothing) == "<Beats: 0 beats in 3.00 s, no tempo>"
    assert nothing.times.dtype == np.float64


def test_beats_alone_have_no_downbeats() -> None:
    assert make_beats(positions=None).downbeats.size == 0


def test_arrays_are_copies_that_nobody_can_write_to() -> None:
    times = np.arange(8) * 0.5
    beats = make_beats(times=times)
    times[0] = 0.25
    assert beats.times[0] == 0.0
    for array in (beats.times, beats.positions, beats.confidence):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        beats.duration = 1.0  # type: ignore[misc]


def test_equality_is_by_value() -> None:
    assert make_beats() == make_beats()
    assert hash(make_beats()) == hash(make_beats())
    assert make_beats() != make_beats(metre=3)
    assert make_beats() != make_beats(times=np.arange(1, 9) * 0.5 + 0.1)
    assert make_beats() != "beats"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": np.zeros((2, 2))}, "one-dimensional"),
        ({"times": ["a"] * 8}, "numbers"),
        ({"times": np.full(8, 0.5)}, "strictly increasing"),
        ({"times": np.array([0.1, np.nan, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])}, "strictly increasing"),
        ({"times": np.arange(8.0) - 0.1}, "between 0 and the duration"),
        ({"times": np.arange(8.0)}, "between 0 and the duration"),
        ({"times": np.arange(3.0)}, "the same length"),
        ({"positions": np.zeros(8)}, "1 or more"),
        ({"positions": np.full(8, 1.5)}, "whole numbers"),
        ({"positions": np.ones(7)}, "the same length"),
        ({"confidence": np.full(8, 1.1)}, "between 0 and 1"),
        ({"confidence": np.full(8, np.nan)}, "between 0 and 1"),
        ({"duration": math.inf}, "duration"),
        ({"duration": -1}, "duration"),
        ({"metre": 0}, "metre must be a positive whole number, not 0"),
        ({"metre": 3.5}, "metre must be a whole number, not 3.5"),
        ({"duration": "30"}, "duration must be a number, not '30'"),
        ({"duration": True}, "duration must be a number, not True"),
        ({"duration": None}, "duration must be a number, not None"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_beats(**changes)


def test_the_record_follows_the_schema() -> None:
    record = make_beats().to_dict()
    assert list(record) == [
        "schema_version",
        "beattrack",
        "file",
        "duration",
        "tempo",
        "metre",
        "confidence",
        "model",
        "decoder",
        "reason",
        "beats",
    ]
    assert record["schema_version"] == 1
    assert record["beattrack"] == __version__
    assert record["tempo"]["bpm"] == 120.0
    assert record["tempo"]["candidates"][0] == {
        "bpm": 120.0,
        "strength": record["tempo"]["candidates"][0]["strength"],
    }
    assert record["decoder"] == {"name": "dbn", "settings": {"min_bpm": 55.0, "beats_per_bar": [3, 4]}}
    assert record["beats"][0] == {"time": 0.5, "position": 3, "confidence": 0.2}


@given(any_beats())
def test_a_record_read_back_is_the_same(beats: Beats) -> None:
    record = json.loads(json.dumps(beats.to_dict(), allow_nan=False))
    assert Beats.from_dict(record) == beats


def test_copies_are_equal_and_as_immutable_as_the_original() -> None:
    beats = make_beats()
    for other in (copy.copy(beats), copy.deepcopy(beats), pickle.loads(pickle.dumps(beats))):
        assert other == beats
        assert hash(other) == hash(beats)
        for array in (other.times, other.positions, other.confidence):
            assert not array.flags.writeable
    assert copy.deepcopy(make_beats(positions=None)).positions is None


def test_equal_beats_have_equal_hashes() -> None:
    signed, unsigned = (
        Beats(times=np.array([zero, 1.0]), positions=None, confidence=np.ones(2), duration=2)
        for zero in (-0.0, 0.0)
    )
    assert signed == unsigned
    assert hash(signed) == hash(unsigned)


def test_a_reason_is_part_of_the_result() -> None:
    beats = make_beats(reason="no beats: a reason")
    assert beats.to_dict()["reason"] == "no beats: a reason"
    assert beats != make_beats()
    assert Beats.from_dict(beats.to_dict()) == beats
    assert make_beats().reason is None


def test_a_record_from_before_there_were_reasons_is_read() -> None:
    record = make_beats().to_dict()
    del record["reason"]
    assert Beats.from_dict(record) == make_beats()


@pytest.mark.parametrize(
    "damage",
    [
        {"schema_version": 2},
        {"beats": None},
        {"beats": [{"time": 1.0}]},
        {"beats": [{"time": "x", "position": 1, "confidence": 1.0}]},
        {"duration": None},
        {"duration": 0.1},
        {"tempo": {"bpm": 1}},
        {"reason": 5},
        {"file": ["a.wav"]},
    ],
)
def test_a_damaged_record_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Beats.from_dict({**make_beats().to_dict(), **damage})


def test_what_is_no_record_is_refused() -> None:
    for record in ({}, [], "beats"):
        with pytest.raises(SettingsError, match="schema version 1"):
            Beats.from_dict(record)  # type: ignore[arg-type]


def test_save_takes_the_format_from_the_suffix_unless_told(tmp_path: Path) -> None:
    beats = make_beats()
    for name, format in (("a.beats", "beats"), ("a.json", "json"), ("a.CSV", "csv")):
        beats.save(tmp_path / name)
        assert (tmp_path / name).read_text() == beats.to_text(format)  # type: ignore[arg-type]
    beats.save(tmp_path / "a.txt", "csv")
    assert (tmp_path / "a.txt").read_text() == beats.to_text("csv")
    with pytest.raises(SettingsError, match=r"a\.wav"):
        beats.save(tmp_path / "a.wav")
    with pytest.raises(SettingsError, match="lilypond"):
        beats.save(tmp_path / "a.ly", "lilypond")  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.CSV", "a.beats", "a.json", "a.txt"]


def test_names_that_no_file_could_hold_are_made_writable(tmp_path: Path) -> None:
    beats = make_beats(file="caf\udce9.wav")
    beats.save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["file"] == "caf?.wav"


def activations(frames: int = 500, *peaks: tuple[int, float]) -> Activations:
    beats = np.full(frames, 0.01, np.float32)
    for frame, probability in peaks:
        beats[frame] = probability
    return Activations(beats=beats, downbeats=None, fps=100.0)


def decoding(times: list[float], positions: list[int] | None, beats_per_bar: int | None = None) -> Decoding:
    return Decoding(
        times=np.array(times, dtype=np.float64),
        positions=None if positions is None else np.array(positions),
        log_probability=None,
        beats_per_bar=beats_per_bar,
    )


def test_from_decoding_adds_what_follows_from_the_beats() -> None:
    found = decoding([0.5, 1.0, 1.5, 2.0, 2.5], [1, 2, 3, 1, 2], 3)
    beats = Beats.from_decoding(found, activations(500, (100, 0.8)), model="m", decoder={"name": "dbn"})
    assert beats.bpm == 120.0
    assert beats.metre == 3
    assert beats.confidence.tolist() == [0.01, 0.8, 0.01, 0.01, 0.01]
    assert beats.duration == 5.0
    assert (beats.model, beats.decoder) == ("m", {"name": "dbn"})


def test_from_decoding_leaves_out_beats_beyond_the_end_of_the_audio() -> None:
    found = decoding([0.5, 1.0, 1.5], [1, 2, 1])
    assert Beats.from_decoding(found, activations(151), duration=1.495).times.tolist() == [0.5, 1.0]


def test_from_decoding_takes_a_confidence_that_is_known() -> None:
    known = np.array([0.1, 0.2, 0.3])
    beats = Beats.from_decoding(decoding([0.5, 1.0, 1.5], None), activations(151), confidence=known)
    assert beats.confidence.tolist() == [0.1, 0.2, 0.3]
    cut = Beats.from_decoding(
        decoding([0.5, 1.0, 1.5], None), activations(151), duration=1.2, confidence=known, reason="cut"
    )
    assert (cut.confidence.tolist(), cut.reason) == ([0.1, 0.2], "cut")


def peaks(bpm: float, seconds: float, start: float, *, fps: float = 100.0) -> tuple[np.ndarray, Activations]:
    """Beats of a steady tempo on the frames of their peaks, which lie between frames, and their activations.

    As from a network, the peaks at the very ends lie inwards.
    """
    frames = np.arange(round(seconds * fps))
    times = np.arange(start, seconds - 0.01, 60 / bpm)
    tops = np.clip(times, 0.012, seconds - 0.022) * fps
    values = 0.8 * np.exp(-0.5 * ((frames[:, None] - tops) / 1.3) ** 2).max(axis=1)
    return np.rint(tops) / fps, Activations(values.astype(np.float32), None, fps)


@pytest.mark.parametrize("bpm", [63.0, 87.3, 105.0, 119.9, 128.0, 174.6])
def test_few_beats_tell_the_tempo_between_frames(bpm: float) -> None:
    times, activation = peaks(bpm, 5 * 60 / bpm + 0.37, 0.31)
    beats = Beats.from_decoding(Decoding(times, on_peaks=True), activation)
    assert beats.bpm == pytest.approx(bpm, rel=1e-3)
    coarse = Beats.from_decoding(Decoding(times), activation)  # of a decoder that sets beats elsewhere
    assert coarse.tempo == estimate_tempo(times)


@pytest.mark.parametrize("beats", [3, 4, 6, 8])
@pytest.mark.parametrize("bpm", [70.0, 100.0, 117.0, 128.0, 174.0])
def test_a_loop_has_the_tempo_of_its_length(bpm: float, beats: int) -> None:
    times, activation = peaks(bpm, beats * 60 / bpm, 0.0)
    assert times[0] > 0
    found = Beats.from_decoding(Decoding(times, on_peaks=True), activation, duration=beats * 60 / bpm)
    assert found.bpm == pytest.approx(bpm, abs=1e-3)


def test_a_length_that_the_beats_contradict_makes_no_loop() -> None:
    times, activation = peaks(120.0, 2.3, 0.0)
    assert measured_period(times, activation, 2.3) == pytest.approx(0.5, rel=2e-3)
    assert measured_period(times[:1], activation) is None


def test_the_tempo_range_bounds_the_reported_tempo() -> None:
    times, activation = peaks(128.0, 20.0, 0.31)
    beats = Beats.from_decoding(Decoding(times, on_peaks=True), activation, bpm_range=(128.0, 128.0))
    assert beats.bpm == 128.0


def test_metre_is_that_of_most_bars() -> None:
    assert estimate_metre([4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 1, 2, 3]) == 4
    assert estimate_metre([1, 2, 3, 1, 2, 1, 2]) == 3
    assert estimate_metre([2, 3, 4, 1, 2]) is None
    assert estimate_metre([]) is None
    assert estimate_metre(None) is None


def test_metre_of_less_than_a_bar_is_the_decoders() -> None:
    assert Beats.from_decoding(decoding([1.0, 1.5], [1, 2], 4), activations()).metre == 4
    assert Beats.from_decoding(decoding([], [], 4), activations()).metre is None
    assert Beats.from_decoding(decoding([1.0, 1.5], None), activations()).metre is None


def test_settings_become_plain_values() -> None:
    @dataclasses.dataclass
    class Inner:
        values: tuple[float, ...] = (1.0, math.nan)

    @dataclasses.dataclass
    class Outer:
        inner: Inner
        count: np.int64
        path: Path

    outer = Outer(Inner(), np.int64(3), Path("a"))
    assert plain(outer) == {"inner": {"values": [1.0, None]}, "count": 3, "path": "a"}
