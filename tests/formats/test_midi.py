from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from beattrack.formats import WriteOptions, encode
from beattrack.formats.midi import BEAT, DOWNBEAT, DRUMS
from beattrack.result import Beats
from tests.example_beats import any_beats
from tests.timing_cases import bars, recording, song, steady

mido = pytest.importorskip("mido")


def read(beats: Beats) -> Any:
    return mido.MidiFile(file=io.BytesIO(encode(beats, "midi")), clip=False)


def clicks(file: Any) -> list[tuple[float, int]]:
    """Time in seconds and pitch of the notes, by mido's own reading of the tempo map."""
    now, notes = 0.0, []
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity:
            notes.append((now, message.note))
    return notes


def bar_lines(file: Any, last: int) -> list[int]:
    """Ticks at which bars begin."""
    tick, changes = 0, []
    for message in file.tracks[0]:
        tick += message.time
        if message.type == "time_signature":
            changes.append((tick, file.ticks_per_beat * 4 * message.numerator // message.denominator))
    lines = []
    for (start, bar), end in zip(changes, [*(change[0] for change in changes[1:]), last + 1], strict=True):
        lines += range(start, end, bar)
    return lines


def downbeat_ticks(file: Any) -> list[int]:
    tick, found = 0, []
    for message in file.tracks[1]:
        tick += message.time
        if message.type == "note_on" and message.note == DOWNBEAT[0]:
            found.append(tick)
    return found


def test_five_minutes_with_drift_are_read_back_within_a_millisecond() -> None:
    beats = song(300)
    assert beats.positions is not None
    notes = clicks(read(beats))
    assert len(notes) == len(beats) == 600
    assert np.abs(np.array([time for time, _ in notes]) - beats.times).max() < 0.001
    assert [note == DOWNBEAT[0] for _, note in notes] == (beats.positions == 1).tolist()


def test_the_grid_falls_on_the_beats_and_bars_on_the_downbeats() -> None:
    beats = song(300)
    file = read(beats)
    ticks = downbeat_ticks(file)
    lines = bar_lines(file, ticks[-1])
    assert set(ticks) <= set(lines)
    # Nothing but the lead-in is a bar without a downbeat.
    assert set(lines) - set(ticks) == {0}
    tick = 0
    for message in file.tracks[1]:
        tick += message.time
        if message.type == "note_on":
            assert tick % file.ticks_per_beat == 0


def test_pick_up_and_metre_changes() -> None:
    beats = recording(0.5 + np.arange(17) * 0.5, bars(4, 3, 3, 4, pick_up=3))
    found = [m for m in read(beats).tracks[0] if m.type == "time_signature"]
    assert [(m.numerator, m.denominator) for m in found] == [(4, 4), (3, 4), (4, 4)]
    # A lead-in of one beat and three of the pick-up are one bar of four.
    assert downbeat_ticks(read(beats)) == [960 * beat for beat in (4, 8, 11, 14)]


def test_a_steady_song_has_one_tempo() -> None:
    beats = recording(np.arange(400) * 0.46875, bars(*[4] * 100))
    tempi = [m.tempo for m in read(beats).tracks[0] if m.type == "set_tempo"]
    assert tempi == [468750]


def test_the_click_is_on_the_drum_channel_and_ends() -> None:
    track = read(recording(np.arange(4) * 0.5, [1, 2, 3, 4])).tracks[1]
    notes = [m for m in track if m.type in ("note_on", "note_off")]
    assert {m.channel for m in notes} == {DRUMS}
    assert [m.note for m in notes if m.type == "note_on"] == [DOWNBEAT[0], *[BEAT[0]] * 3]
    assert [m.type for m in notes] == ["note_on", "note_off"] * 4
    assert track[-1].type == "end_of_track"


def test_a_late_first_beat_is_not_moved() -> None:
    for first in (0.0, 0.003, 0.03, 0.3, 3.0, 33.3):
        notes = clicks(read(recording(first + np.arange(8) * 0.5, bars(4, 4))))
        assert notes[0][0] == pytest.approx(first, abs=0.001)


@given(any_beats())
@settings(max_examples=50, deadline=None)
def test_any_beats_are_a_valid_file(beats: Beats) -> None:
    notes = clicks(read(beats))
    assert len(notes) == len(beats)
    wide = len(beats) < 2 or np.diff(beats.times).min() > 0.002
    if wide:
        assert all(abs(t - b) < 0.001 for (t, _), b in zip(notes, beats.times, strict=True))


def test_a_wider_tolerance_makes_frames_of_10_ms_one_tempo() -> None:
    beats = recording(steady(124, 400), bars(*[4] * 100))
    file = mido.MidiFile(file=io.BytesIO(encode(beats, "midi", WriteOptions(tolerance=0.012))))
    tempi = [m.tempo for m in file.tracks[0] if m.type == "set_tempo"]
    assert len(tempi) == 2  # that of the lead-in and that of the music
    assert 60e6 / tempi[1] == pytest.approx(124, abs=0.02)
    assert np.abs(np.array([time for time, _ in clicks(file)]) - beats.times).max() < 0.0125
