from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.formats.readers import BeatFileError, beat_sequence, read_beats, read_tempo
from beattrack.result import Beats
from beattrack.tempo import estimate_tempo

TIMES = [0.5, 1.0, 1.5, 2.0]
POSITIONS = [3, 4, 1, 2]

WITH_POSITIONS = {
    "madmom, Beat This!": "0.500\t3\n1.000\t4\n1.500\t1\n2.000\t2\n",
    "blanks": "0.5 3\n1.0 4\n1.5 1\n2.0 2\n",
    "floats as positions": "0.5\t3.0\n1.0\t4.0\n1.5\t1.0\n2.0\t2.0\n",
    "commas": "0.5,3\n1.0,4\n1.5,1\n2.0,2\n",
    "semicolons": "0.5;3\n1.0;4\n1.5;1\n2.0;2\n",
    "no newline at the end": "0.5,3\n1.0,4\n1.5,1\n2.0,2",
    "Windows line ends": "0.5\t3\r\n1.0\t4\r\n1.5\t1\r\n2.0\t2\r\n",
    "byte order mark": "\ufeff0.5\t3\n1.0\t4\n1.5\t1\n2.0\t2\n",
    "comments and blank lines": "# beats\n\n0.5\t3\n1.0\t4\n\n1.5\t1\n2.0\t2\n",
    "Sonic Visualiser, quoted labels": '0.5,"3"\n1.0,"4"\n1.5,"1"\n2.0,"2"\n',
    "Sonic Visualiser, header": "TIME,LABEL\n0.5,3\n1.0,4\n1.5,1\n2.0,2\n",
    "Sonic Annotator": '"a,b.wav",0.5,"3"\n,1.0,"4"\n,1.5,"1"\n,2.0,"2"\n',
    "bar and beat": "0.5\t1.3\n1.0\t1.4\n1.5\t2.1\n2.0\t2.2\n",
    "bar:beat": "0.5\t1:3\n1.0\t1:4\n1.5\t2:1\n2.0\t2:2\n",
    "Audacity point labels": "0.500000\t0.500000\t3\n1.000000\t1.000000\t4\n1.5\t1.5\t1\n2.0\t2.0\t2\n",
    "Audacity region labels": "0.5\t0.75\t3\n1.0\t1.25\t4\n1.5\t1.75\t1\n2.0\t2.25\t2\n",
    "time, position, confidence": "0.5\t3\t0.9\n1.0\t4\t0.8\n1.5\t1\t0.9\n2.0\t2\t0.7\n",
    "our CSV": "time,position,confidence\n0.5,3,0.9\n1.0,4,0.8\n1.5,1,1.0\n2.0,2,0.7\n",
    "JSON of objects": json.dumps(
        {"beats": [{"time": t, "position": p} for t, p in zip(TIMES, POSITIONS, strict=True)]}
    ),
    "JSON of lists": json.dumps({"times": TIMES, "positions": POSITIONS}),
}

TIMES_ONLY = {
    "one time a line": "0.5\n1.0\n1.5\n2.0\n",
    "mir_eval": "5.000000000000000000e-01\n1.0\n1.5\n2.0e0\n",
    "our CSV without bars": "time,position,confidence\n0.5,,0.9\n1.0,,0.8\n1.5,,1.0\n2.0,,0.7\n",
    "JSON without bars": json.dumps({"beats": [{"time": t, "position": None} for t in TIMES]}),
    "confidences": "0.5\t0.91\n1.0\t0.22\n1.5\t0.37\n2.0\t0.44\n",
    "running numbers": "0.5\t98\n1.0\t99\n1.5\t100\n2.0\t101\n",
    "words": "0.5\tNew Point\n1.0\tNew Point\n1.5\tNew Point\n2.0\tNew Point\n",
}


@pytest.fixture
def read(tmp_path):
    def read(text: str):
        path = tmp_path / "song.beats"
        path.write_bytes(text.encode())
        return read_beats(path)

    return read


@pytest.mark.parametrize("name", WITH_POSITIONS)
def test_reads_times_and_positions_of_every_format(read, name):
    beats = read(WITH_POSITIONS[name])
    assert beats.times.tolist() == TIMES
    assert beats.positions.tolist() == POSITIONS
    assert beats.downbeats.tolist() == [1.5]
    assert beats.notes == ()


@pytest.mark.parametrize("name", TIMES_ONLY)
def test_reads_times_where_there_are_no_positions(read, name):
    beats = read(TIMES_ONLY[name])
    assert beats.times.tolist() == TIMES
    assert beats.positions is None
    assert beats.downbeats is None


def test_says_that_a_column_was_ignored(read):
    assert "ignored" in read(TIMES_ONLY["confidences"]).notes[0]


def test_words_tell_downbeats(read):
    beats = read("0.5\tbeat\n1.0\tdownbeat\n1.5\tbeat\n")
    assert beats.downbeats.tolist() == [1.0]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "time,position,confidence\n", '{"beats": []}']
)
def test_no_beats_are_no_downbeats_either(read, text):
    beats = read(text)
    assert beats.times.size == 0
    assert beats.downbeats.size == 0


@pytest.mark.parametrize("format", ["beats", "csv", "json"])
@pytest.mark.parametrize("with_positions", [True, False])
def test_reads_what_beattrack_writes(tmp_path, format, with_positions):
    times = np.array([0.5, 1.0, 1.5, 2.0])
    written = Beats(
        times=times,
        positions=np.array(POSITIONS) if with_positions else None,
        confidence=np.full(4, 0.5),
        duration=3.0,
        tempo=estimate_tempo(times),
        model="tcn",
    )
    path = tmp_path / f"song.{format}"
    written.save(path, format=format)
    beats = read_beats(path)
    assert beats.times.tolist() == TIMES
    assert (beats.positions.tolist() if with_positions else beats.positions) == (
        POSITIONS if with_positions else None
    )
    if format != "csv":
        assert beats.tempo == pytest.approx(120.0)
        assert beats.model == "tcn"


def test_sorts_merges_and_says_so():
    beats = beat_sequence([2.0, 1.0, 1.0, -0.5], [2, 4, 1, 3])
    assert beats.times.tolist() == [-0.5, 1.0, 2.0]
    assert beats.positions.tolist() == [3, 1, 2]
    assert len(beats.notes) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.5\nabc\n", "line 2"),
        ("hello world\n", "no time"),
        ("0.5\nnan\n", "not a number"),
        ("0.5\n1e999\n", "not a number"),
        ("500\n40000\n", "seconds"),
        ('{"tempo": 120}', "no list of beats"),
        ('{"beats": ["a"]}', "'a'"),
        ('{"beats": [tru', "song.beats"),
        ('{"times": [1.0, 2.0], "positions": [1]}', "2 times but 1 positions"),
        ("time,position\n0.5\n", "columns"),
    ],
)
def test_refuses_what_is_no_beat_file(read, text, words):
    with pytest.raises(BeatFileError, match=r"song\.beats") as caught:
        read(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_missing_and_binary_files(tmp_path):
    with pytest.raises(BeatFileError, match="No such file"):
        read_beats(tmp_path / "absent.beats")
    path = tmp_path / "music.wav"
    path.write_bytes(b"RIFF\xff\xfe\x00\x81")
    with pytest.raises(BeatFileError, match="not a text file"):
        read_beats(path)


@given(st.lists(st.floats(min_value=-10, max_value=1000), max_size=40), st.data())
def test_any_times_become_strictly_increasing_ones(times, data):
    positions = data.draw(st.none() | st.lists(st.integers(1, 4), min_size=len(times), max_size=len(times)))
    beats = beat_sequence(times, positions)
    assert (np.diff(beats.times) > 0).all()
    assert set(beats.times.tolist()) == set(times)
    if positions is not None:
        downbeats = {time for time, position in zip(times, positions, strict=True) if position == 1}
        assert set(beats.downbeats.tolist()) == downbeats


@pytest.mark.parametrize(
    ("text", "bpm"),
    [("1.2587e+02\n", 125.87), ("125.22\t62.89\t1.00", 125.22), ("60 120 0.2", 120.0), ("90 45", 90.0)],
)
def test_reads_tempo_files(tmp_path, text, bpm):
    path = tmp_path / "song.bpm"
    path.write_text(text)
    assert read_tempo(path) == pytest.approx(bpm)


@pytest.mark.parametrize("text", ["", "fast", "0", "-3", "nan"])
def test_refuses_what_is_no_tempo(tmp_path, text):
    path = tmp_path / "song.bpm"
    path.write_text(text)
    with pytest.raises(BeatFileError, match=r"song\.bpm"):
        read_tempo(path)
