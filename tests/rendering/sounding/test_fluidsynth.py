from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.errors import RenderError
from beattrack.rendering.piece import OFFSET, ONSET, PITCH, notes_array
from beattrack.rendering.settings import SAMPLE_RATE
from beattrack.rendering.sounding import fluidsynth
from beattrack.rendering.sounding.fluidsynth import (
    DRUM_CHANNEL,
    FONTS,
    available_fonts,
    latency,
    midi_bytes,
    require_fluidsynth,
    synthesise,
    without_overlaps,
)
from tests.rendering_cases import make_part, needs_fluidsynth

PIANO = make_part("piano", 4, [(0.5, 1.0, 60, 100), (0.75, 1.5, 60, 90), (2.0, 2.5, 64, 80)])
DRUMS = make_part("drums", 8, [(0.0, 0.1, 35, 100), (1.0, 1.1, 70, 64)], drums=True)


def messages(data: bytes) -> list[tuple[float, int, bytes]]:
    """Seconds, status byte and data of the channel messages of a file of one track."""
    assert data[:4] == b"MThd"
    _, format, tracks, ticks = struct.unpack(">IHHH", data[4:14])
    assert (format, tracks) == (0, 1)
    (length,) = struct.unpack(">I", data[18:22])
    track = data[22:]
    assert len(track) == length
    found, place, tick, tempo = [], 0, 0, None
    while place < len(track):
        delta = 0
        while True:
            byte = track[place]
            place, delta = place + 1, delta << 7 | byte & 0x7F
            if byte < 0x80:
                break
        tick, status = tick + delta, track[place]
        if status == 0xFF:
            size = track[place + 2]
            if track[place + 1] == 0x51:
                tempo = int.from_bytes(track[place + 3 : place + 3 + size], "big")
            place += 3 + size
            continue
        size = 1 if status >> 4 == 0xC else 2
        assert tempo is not None
        found.append((tick * tempo / ticks / 1e6, status, track[place + 1 : place + 1 + size]))
        place += 1 + size
    return found


def test_midi_file_holds_programs_and_notes() -> None:
    found = messages(midi_bytes([PIANO, DRUMS]))
    assert (0.0, 0xC0, bytes([4])) in found
    assert (0.0, 0xC0 | DRUM_CHANNEL, bytes([8])) in found
    starts = [(round(t, 3), status & 15, data[0], data[1]) for t, status, data in found if status >> 4 == 9]
    assert sorted(starts) == [
        (0.0, 9, 35, 100),
        (0.5, 0, 60, 100),
        (0.75, 0, 60, 90),
        (1.0, 9, 70, 64),
        (2.0, 0, 64, 80),
    ]
    ends = [(round(t, 3), data[0]) for t, status, data in found if status == 0x80]
    assert ends == [(0.75, 60), (1.5, 60), (2.5, 64)]


def test_kits_get_their_own_notes_on_the_first_channel() -> None:
    found = messages(midi_bytes([DRUMS], kit=True))
    assert [(status, data[0]) for _, status, data in found if status >> 4 == 9] == [(0x90, 36), (0x90, 54)]
    assert not any(status >> 4 == 0xC for _, status, _ in found)


def test_parts_do_not_share_a_channel() -> None:
    parts = [make_part(str(n), n, [(0.0, 1.0, 60, 90)]) for n in range(15)]
    channels = [status & 15 for _, status, _ in messages(midi_bytes(parts)) if status >> 4 == 9]
    assert sorted(channels) == [n for n in range(16) if n != DRUM_CHANNEL]


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.floats(0.02, 8), st.integers(60, 63), st.integers(1, 127)), min_size=1
    )
)
def test_notes_of_a_pitch_never_overlap(rows: list[tuple[float, float, int, int]]) -> None:
    notes = notes_array([(on, on + length, pitch, velocity) for on, length, pitch, velocity in rows])
    found = without_overlaps(notes)
    assert len(found) == len(notes)
    np.testing.assert_array_equal(found[:, ONSET], notes[:, ONSET])
    assert np.all(found[:, OFFSET] <= np.sort(notes[:, OFFSET])[-1])
    for pitch in range(60, 64):
        same = found[found[:, PITCH] == pitch]
        assert np.all(same[:-1, OFFSET] <= same[1:, ONSET] + 1e-9)


@needs_fluidsynth
@pytest.mark.parametrize("font", available_fonts(), ids=lambda font: font.name)
def test_latency_is_measured_and_taken_out(font: fluidsynth.SoundFont) -> None:
    assert 0.002 < latency(font) / SAMPLE_RATE < 0.02
    times = [0.5, 1.013, 1.5171]
    part = make_part("drums", 0, [(t, t + 0.1, 42, 110) for t in times], drums=True)
    sound = np.abs(synthesise([part], font, samples=2 * SAMPLE_RATE, timeout=60))
    assert sound.shape == (2 * SAMPLE_RATE,)
    for time in times:
        first = round((time - 0.02) * SAMPLE_RATE)
        hit = sound[first : first + SAMPLE_RATE // 10]
        heard = np.argmax(hit > 0.1 * hit.max()) / SAMPLE_RATE - 0.02
        assert abs(heard) < 0.006


@needs_fluidsynth
def test_more_parts_than_channels_are_all_played() -> None:
    font = next(font for font in available_fonts() if font.kind == "gm")
    parts = [make_part(str(n), 0, [(0.2 + 0.2 * n, 0.35 + 0.2 * n, 72, 110)]) for n in range(18)]
    sound = synthesise(parts, font, samples=5 * SAMPLE_RATE, timeout=60)
    for n in range(18):
        first = round((0.2 + 0.2 * n) * SAMPLE_RATE)
        assert np.abs(sound[first : first + 2000]).max() > 0.005, n


@needs_fluidsynth
def test_a_run_that_takes_too_long_ends() -> None:
    font = next(font for font in available_fonts() if font.kind == "gm")
    latency(font)
    with pytest.raises(RenderError, match="took longer than"):
        synthesise([PIANO], font, samples=1000, timeout=1e-4)


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fluidsynth, "FOLDERS", (tmp_path,))
    assert available_fonts() == ()
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/fluidsynth")
    with pytest.raises(
        RenderError, match=r"a General MIDI soundfont is missing; install .* fluid-soundfont-gm"
    ):
        require_fluidsynth()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RenderError, match=r"fluidsynth is missing; install the Debian packages fluidsynth"):
        require_fluidsynth()
    with pytest.raises(RenderError, match="install the Debian package fluid-soundfont-gm"):
        fluidsynth.run_fluidsynth(b"", FONTS[0], 1.0)


@pytest.mark.parametrize(
    ("script", "match"),
    [
        ("echo first; echo broken >&2; exit 3", "fluidsynth failed with .* \\(broken\\)"),
        ("exit 0", "no message"),
    ],
)
def test_a_failing_program(script: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fluidsynth"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (tmp_path / FONTS[0].file).touch()
    monkeypatch.setattr(fluidsynth, "FOLDERS", (tmp_path,))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(RenderError, match=match):
        fluidsynth.run_fluidsynth(midi_bytes([PIANO]), FONTS[0], 10.0)
