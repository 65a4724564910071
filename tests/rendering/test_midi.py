from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.errors import RenderError
from beattrack.rendering.midi import read_midi
from tests.midi_cases import midi_bytes

mido = pytest.importorskip("mido")


def test_a_file_reads_back() -> None:
    piano = [(0.0, 1.0, 60, 90), (1.0, 2.0, 64, 80)]
    drums = [(0.5, 0.6, 36, 100)]
    score = read_midi(
        midi_bytes(
            [(0, 24, piano), (9, 8, drums)],
            bpm=90,
            signature=(3, 4),
            markers={0.0: "bar0", 3.0: "bar1"},
            names=["guitar", ""],
        )
    )
    assert score.signatures == ((0, 3, 4),)
    assert score.markers == ((0, "bar0"), (1440, "bar1"))
    assert [(part.name, part.program, part.drums) for part in score.parts] == [
        ("guitar", 24, False),
        ("track 2", 8, True),
    ]
    np.testing.assert_array_equal(score.parts[0].notes, [[0, 480, 60, 90], [480, 960, 64, 80]])
    assert score.end == 960
    guitar, kit = score.parts_in_seconds()
    np.testing.assert_allclose(guitar.notes[:, :2], [[0, 2 / 3], [2 / 3, 4 / 3]], atol=1e-5)
    assert kit.notes[0, 0] == pytest.approx(1 / 3, abs=1e-5)


def test_tempo_changes_bend_time() -> None:
    file = mido.MidiFile(ticks_per_beat=100)
    track = mido.MidiTrack()
    for tempo, time in ((1_000_000, 0), (500_000, 200), (250_000, 100)):
        track.append(mido.MetaMessage("set_tempo", tempo=tempo, time=time))
    file.tracks.append(track)
    import io

    buffer = io.BytesIO()
    file.save(file=buffer)
    score = read_midi(buffer.getvalue())
    ticks = np.array([0, 100, 200, 250, 300, 400], dtype=np.float64)
    np.testing.assert_allclose(score.seconds(ticks), [0, 1, 2, 2.25, 2.5, 2.75])


def test_notes_never_released_end_with_their_track() -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("note_on", note=60, velocity=90),
                mido.Message("note_on", note=60, velocity=80, time=480),
                mido.Message("note_off", note=60, time=480),
                mido.Message("note_off", note=72, time=480),  # never struck
            ]
        )
    )
    import io

    buffer = io.BytesIO()
    file.save(file=buffer)
    (part,) = read_midi(buffer.getvalue()).parts
    np.testing.assert_array_equal(part.notes, [[0, 960, 60, 90], [480, 1440, 60, 80]])


def test_a_channel_that_changes_its_program_gives_two_parts() -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    for program in (0, 40):
        track.append(mido.Message("program_change", program=program))
        track.append(mido.Message("note_on", note=60, velocity=90))
        track.append(mido.Message("note_off", note=60, time=480))
    file.tracks.append(track)
    import io

    buffer = io.BytesIO()
    file.save(file=buffer)
    assert [part.program for part in read_midi(buffer.getvalue()).parts] == [0, 40]


@pytest.mark.parametrize("content", [b"", b"no MIDI", b"MThd\x00\x00\x00\x06\x00\x00"])
def test_what_is_no_midi_file_is_refused(content: bytes) -> None:
    with pytest.raises(RenderError, match="damaged"):
        read_midi(content)


def test_frames_of_film_and_giants_are_refused() -> None:
    content = bytearray(midi_bytes([(0, 0, [(0.0, 1.0, 60, 90)])]))
    content[12:14] = b"\xe7\x28"  # 25 frames per second
    with pytest.raises(RenderError, match="SMPTE"):
        read_midi(bytes(content))
    with pytest.raises(RenderError, match="16 MiB"):
        read_midi(bytes((1 << 24) + 1))


@given(st.integers(0, 200), st.integers(0, 255), st.integers(20, 120))
def test_a_damaged_file_gives_notes_or_our_error(place: int, value: int, cut: int) -> None:
    content = bytearray(midi_bytes([(0, 0, [(0.0, 1.0, 60, 90), (1.0, 2.0, 62, 90)])]))
    content[place % len(content)] = value
    try:
        score = read_midi(bytes(content[: max(cut, 14)]))
    except RenderError:
        return
    for part in score.parts_in_seconds():  # would raise for notes that cannot be
        assert np.isfinite(part.notes).all()
