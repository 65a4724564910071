from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.formats.readers import BeatFileError, BeatSequence, beat_sequence, read_beats, read_tempo
from beattrack.result import Beats
from beattrack.tempo import estimate_tempo

Read = Callable[[str | bytes], BeatSequence]

TIMES = [0.5, 1.0, 1.5, 2.0]
POSITIONS = [3, 4, 1, 2]
OBJECTS = [{"time": t, "position": p} for t, p in zip(TIMES, POSITIONS, strict=True)]
TSV = "0.5\t3\n1.0\t4\n1.5\t1\n2.0\t2\n"

WITH_POSITIONS: dict[str, str | bytes] = {
    "madmom, Beat This!": "0.500\t3\n1.000\t4\n1.500\t1\n2.000\t2\n",
    "blanks": "0.5 3\n1.0 4\n1.5 1\n2.0 2\n",
    "BeatNet, saved by NumPy": "5.0e-01 3.0e+00\n1.0e+00 4.0e+00\n1.5e+00 1.0e+00\n2.0e+00 2.0e+00\n",
    "floats as positions": "0.5\t3.0\n1.0\t4.0\n1.5\t1.0\n2.0\t2.0\n",
    "commas": "0.5,3\n1.0,4\n1.5,1\n2.0,2\n",
    "semicolons": "0.5;3\n1.0;4\n1.5;1\n2.0;2\n",
    "no newline at the end": "0.5,3\n1.0,4\n1.5,1\n2.0,2",
    "Windows line ends": TSV.replace("\n", "\r\n"),
    "old Macintosh line ends": TSV.replace("\n", "\r"),
    "byte order mark": "\ufeff" + TSV,
    "UTF-16 with a mark": ("\ufeff" + TSV).encode("utf-16-le"),
    "UTF-16, the other way round": ("\ufeff" + TSV).encode("utf-16-be"),
    "UTF-16 without a mark": TSV.encode("utf-16-le"),
    "Latin-1": b"# Gr\xfc\xdfe\n" + TSV.encode(),
    "comments and blank lines": "# beats\n\n0.5\t3\n1.0\t4\n\n% MATLAB\n1.5\t1\n2.0\t2\n",
    "decimal commas, semicolons": "0,500;3\n1,000;4\n1,500;1\n2,000;2\n",
    "decimal commas, tabs": "0,5\t3\n1\t4\n1,5\t1\n2\t2\n",
    "decimal commas, blanks": "0,5 3\n1,0 4\n1,5 1\n2,0 2\n",
    "decimal commas between commas": "0,500,3\n1,000,4\n1,500,1\n2,000,2\n",
    "decimal commas, header": "Time;Beat\n0,5;3\n1,0;4\n1,5;1\n2,0;2\n",
    "Sonic Visualiser, quoted labels": '0.5,"3"\n1.0,"4"\n1.5,"1"\n2.0,"2"\n',
    "Sonic Visualiser, header": "TIME,LABEL\n0.5,3\n1.0,4\n1.5,1\n2.0,2\n",
    "Sonic Visualiser, values": '0.5,3,"3"\n1.0,4,"4"\n1.5,1,"1"\n2.0,2,"2"\n',
    "Sonic Annotator": '"a,b.wav",0.5,"3"\n,1.0,"4"\n,1.5,"1"\n,2.0,"2"\n',
    "Sonic Annotator, name in all rows": "".join(
        f'"a.wav",{t},"{p}"\n' for t, p in zip(TIMES, POSITIONS, strict=True)
    ),
    "bar and beat": "0.5\t1.3\n1.0\t1.4\n1.5\t2.1\n2.0\t2.2\n",
    "bar:beat": "0.5\t1:3\n1.0\t1:4\n1.5\t2:1\n2.0\t2:2\n",
    "Audacity point labels": "0.500000\t0.500000\t3\n1.000000\t1.000000\t4\n1.5\t1.5\t1\n2.0\t2.0\t2\n",
    "Audacity region labels": "0.5\t0.75\t3\n1.0\t1.25\t4\n1.5\t1.75\t1\n2.0\t2.25\t2\n",
    "Audacity, frequencies": "0.5\t0.5\t3\n\\\t0\t9\n1.0\t1.0\t4\n\\\t0\t9\n1.5\t1.5\t1\n2.0\t2.0\t2\n",
    "time, position, confidence": "0.5\t3\t0.9\n1.0\t4\t0.8\n1.5\t1\t0.9\n2.0\t2\t0.7\n",
    "time, confidence, position": "0.5\t0.9\t3\n1.0\t0.8\t4\n1.5\t0.9\t1\n2.0\t0.7\t2\n",
    "header, position first": "position,time\n3,0.5\n4,1.0\n1,1.5\n2,2.0\n",
    "header, bars too": "bar,beat,time (s)\n1,3,0.5\n1,4,1.0\n2,1,1.5\n2,2,2.0\n",
    "a data frame with its index": ",time_s,beat_number\n0,0.5,3\n1,1.0,4\n2,1.5,1\n3,2.0,2\n",
    "our CSV": "time,position,confidence\n0.5,3,0.9\n1.0,4,0.8\n1.5,1,1.0\n2.0,2,0.7\n",
    "JSON of objects": json.dumps({"beats": OBJECTS}),
    "JSON list of objects": json.dumps(OBJECTS),
    "JSON of lists": json.dumps({"times": TIMES, "positions": POSITIONS}),
    "JSON, beats number the times": json.dumps({"times": TIMES, "beats": POSITIONS}),
    "JSON list of pairs": json.dumps([[t, float(p)] for t, p in zip(TIMES, POSITIONS, strict=True)]),
    "all-in-one": json.dumps(
        {
            "path": "a.wav",
            "bpm": 120,
            "beats": TIMES,
            "downbeats": [1.5],
            "beat_positions": POSITIONS,
            "segments": [],
        }
    ),
    "all-in-one, list of results": json.dumps(
        [{"beats": TIMES, "downbeats": [1.5], "beat_positions": POSITIONS}]
    ),
    "JAMS": json.dumps(
        {
            "annotations": [
                {"namespace": "chord", "data": []},
                {
                    "namespace": "beat",
                    "data": [{"time": t, "value": p} for t, p in zip(TIMES, POSITIONS, strict=True)],
                },
            ]
        }
    ),
    "JAMS, positions as objects, columns": json.dumps(
        {
            "annotations": [
                {
                    "namespace": "beat_position",
                    "data": {"time": TIMES, "value": [{"position": p, "measure": 1} for p in POSITIONS]},
                }
            ]
        }
    ),
    "layer of Sonic Visualiser": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n<sv>\n<data>'
        '<model id="1" name="" sampleRate="8000" type="sparse" dimensions="1" dataset="0" />'
        '<dataset id="0" dimensions="1">'
        + "".join(
            f'<point frame="{round(8000 * t)}" label="{p}" />' for t, p in zip(TIMES, POSITIONS, strict=True)
        )
        + '</dataset></data><display><layer id="2" type="timeinstants" /></display></sv>'
    ),
}

TIMES_ONLY: dict[str, str] = {
    "one time a line": "0.5\n1.0\n1.5\n2.0\n",
    "mir_eval": "5.000000000000000000e-01\n1.0\n1.5\n2.0e0\n",
    "decimal commas": "0,500\n1,000\n1,500\n2,000\n",
    "decimal commas, one digit": "0,5\n1,0\n1,5\n2,0\n",
    "decimal commas, zeros left out": "0,5\n1\n1,5\n2\n",
    "decimal commas, exponents": "5,0e-01\n1,0e+00\n1,5e+00\n2,0e+00\n",
    "all in one line": "0.5 1.0 1.5 2.0\n",
    "all in one line, commas": "0.5, 1.0, 1.5, 2.0\n",
    "all in one line, decimal commas": "0,5 1,0 1,5 2,0\n",
    "index in front": "0,0.5\n1,1.0\n2,1.5\n3,2.0\n",
    "header of one column": "Beat times (s)\n0.5\n1.0\n1.5\n2.0\n",
    "our CSV without bars": "time,position,confidence\n0.5,,0.9\n1.0,,0.8\n1.5,,1.0\n2.0,,0.7\n",
    "JSON without bars": json.dumps({"beats": [{"time": t, "position": None} for t in TIMES]}),
    "JSON list": json.dumps(TIMES),
    "Essentia": json.dumps({"metadata": {"x": 1}, "rhythm": {"beats_position": TIMES, "bpm": 120.0}}),
    "JAMS without bars": json.dumps(
        {"annotations": [{"namespace": "beat", "data": [{"time": t, "value": None} for t in TIMES]}]}
    ),
    "confidences": "0.5\t0.91\n1.0\t0.22\n1.5\t0.37\n2.0\t0.44\n",
    "running numbers": "0.5\t98\n1.0\t99\n1.5\t100\n2.0\t101\n",
    "all of them 1": "0.5\t1\n1.0\t1\n1.5\t1\n2.0\t1\n",
    "words": "0.5\tNew Point\n1.0\tNew Point\n1.5\tNew Point\n2.0\tNew Point\n",
    "tempo labels": '0.5,"120.2 bpm"\n1.0,"119.9 bpm"\n1.5,"120 bpm"\n2.0,"120 bpm"\n',
}
IGNORED = ("confidences", "running numbers", "all of them 1", "words", "tempo labels")

DOWNBEATS_ONLY: dict[str, str] = {
    "flags": "0.5\t0\n1.0\t0\n1.5\t1\n2.0\t0\n",
    "words": "0.5\tbeat\n1.0\tbeat\n1.5\tdownbeat\n2.0\tbeat\n",
    "labels on downbeats": "0.5\t\n1.0\t\n1.5\t1\n2.0\t\n",
    "words on downbeats": "0.5\n1.0\n1.5\tdownbeat\n2.0\n",
    "header of flags": "time,is_downbeat\n0.5,0\n1.0,0\n1.5,1\n2.0,0\n",
    "header of truth": "time,downbeat\n0.5,False\n1.0,False\n1.5,True\n2.0,False\n",
    "JSON of flags": json.dumps({"beats": TIMES, "downbeats": [0, 0, 1, 0]}),
    "JSON of truth": json.dumps({"beats": TIMES, "downbeats": [False, False, True, False]}),
    "JSON of objects with flags": json.dumps({"beats": [{"time": t, "downbeat": t == 1.5} for t in TIMES]}),
    "JSON with downbeats apart": json.dumps({"beat_times": TIMES, "downbeat_times": [1.5]}),
    "Spotify's analysis": json.dumps(
        {"bars": [{"start": 1.5, "duration": 2.0}], "beats": [{"start": t, "confidence": 0.5} for t in TIMES]}
    ),
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(content: str | bytes) -> BeatSequence:
        path = tmp_path / "song.beats"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_beats(path)

    return read


@pytest.mark.parametrize("name", WITH_POSITIONS)
def test_reads_times_and_positions_of_every_format(read: Read, name: str) -> None:
    beats = read(WITH_POSITIONS[name])
    assert beats.times.tolist() == TIMES
    assert beats.positions is not None
    assert beats.positions.tolist() == POSITIONS
    assert beats.downbeats is not None
    assert beats.downbeats.tolist() == [1.5]
    assert beats.notes == ()


@pytest.mark.parametrize("name", TIMES_ONLY)
def test_reads_times_if_there_are_no_positions(read: Read, name: str) -> None:
    beats = read(TIMES_ONLY[name])
    assert beats.times.tolist() == TIMES
    assert beats.positions is None
    assert beats.downbeats is None
    assert ["ignored" in note for note in beats.notes] == [True] * (name in IGNORED)


@pytest.mark.parametrize("name", DOWNBEATS_ONLY)
def test_reads_which_beats_are_downbeats(read: Read, name: str) -> None:
    beats = read(DOWNBEATS_ONLY[name])
    assert beats.times.tolist() == TIMES
    assert beats.downbeats is not None
    assert beats.downbeats.tolist() == [1.5]
    assert beats.notes == ()


@pytest.mark.parametrize(
    "content", ["", "\n\n", "# only a comment\n", "time,position,confidence\n", '{"beats": []}', "[]"]
)
def test_no_beats_are_no_downbeats_either(read: Read, content: str) -> None:
    beats = read(content)
    assert beats.times.size == 0
    assert beats.downbeats is not None
    assert beats.downbeats.size == 0


def test_beats_without_a_downbeat_are_beats_with_bars(read: Read) -> None:
    beats = read(json.dumps({"beats": TIMES, "downbeats": []}))
    assert beats.downbeats is not None
    assert beats.downbeats.size == 0


@pytest.mark.parametrize("format", ["beats", "csv", "json"])
@pytest.mark.parametrize("with_positions", [True, False])
def test_reads_what_beattrack_writes(tmp_path: Path, format: Any, with_positions: bool) -> None:
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
    assert (beats.positions is None) == (not with_positions)
    if beats.positions is not None:
        assert beats.positions.tolist() == POSITIONS
    if format != "csv":
        assert beats.tempo == pytest.approx(120.0)
        assert (beats.model, beats.duration) == ("tcn", 3.0)


def test_reads_what_tools_state_besides(read: Read) -> None:
    assert read(WITH_POSITIONS["all-in-one"]).tempo == 120
    assert read(TIMES_ONLY["Essentia"]).tempo == 120
    assert read(json.dumps({"beats": TIMES, "tempo": [119.5]})).tempo == 119.5
    assert read(json.dumps({"beats": TIMES, "tempo": "allegro"})).tempo is None
    jams = {
        "file_metadata": {"duration": 30.5},
        "annotations": [
            {"namespace": "tempo", "data": [{"time": 0, "duration": 30.5, "value": 121.0, "confidence": 1}]},
            {"namespace": "beat", "data": []},
            {"namespace": "beat", "data": [{"time": t, "value": None} for t in TIMES]},
            {"namespace": "beat", "data": [{"time": t + 0.1, "value": None} for t in TIMES]},
        ],
    }
    beats = read(json.dumps(jams))
    assert (beats.tempo, beats.duration, beats.times.tolist()) == (121.0, 30.5, TIMES)
    assert beats.notes == ("the file has 2 beat annotations; the first was read",)


def test_what_json_holds_besides_is_left_alone_or_told(read: Read) -> None:
    assert read(json.dumps({"beats": TIMES, "bars": 1, "downbeat": 1.5})).notes == ()
    assert read(json.dumps({"beats": TIMES, "bars": [{"number": 1}]})).downbeats is None
    beats = read(json.dumps({"beats": TIMES, "downbeat_frames": [65]}))
    assert (beats.downbeats, beats.notes) == (None, ("'downbeat_frames' was ignored",))


def test_positions_may_count_from_0(read: Read) -> None:
    beats = read("".join(f"{0.5 * k}\t{k % 3}\n" for k in range(9)))
    assert beats.positions is not None
    assert beats.positions.tolist() == [1, 2, 3] * 3
    assert beats.notes == ("positions were counted from 0",)
    unknown = read("0.5\t0\n1.0\t0\n1.5\t1\n2.0\t2\n2.5\t3\n")
    assert unknown.positions is not None
    assert unknown.positions.tolist() == [0, 0, 1, 2, 3]


def test_bars_are_counted_from_downbeats_that_are_listed_apart(read: Read) -> None:
    times = (0.5 * np.arange(1, 13)).tolist()
    beats = read(json.dumps({"beats": times, "downbeats": [1.504, 3.0, 4.5, 6.0]}))
    assert beats.positions is not None
    assert beats.positions.tolist() == [2, 3, *[1, 2, 3] * 3, 1]
    assert beats.times.tolist() == times


def annotation(line: Callable[[float, int], str], count: int = 40) -> str:
    """An annotation at 120 BPM, each beat written by `line` from its time in seconds and its position."""
    return "".join(f"{line(0.5 * k + 0.5, k % 4 + 1)}\n" for k in range(count))


IN_MILLISECONDS = {
    "whole": annotation(lambda time, position: f"{1000 * time:.0f}"),
    "with positions": annotation(lambda time, position: f"{1000 * time:.0f}\t{position}"),
    "with decimals": annotation(lambda time, position: f"{1000 * time:.3f}"),
    "of minutes of music": annotation(lambda time, position: f"{1000 * time:.0f}", 900),
    "JSON": json.dumps([500 * k + 500 for k in range(40)]),
}
# At 125 BPM a beat has 480 ms, as many as there are ticks in a beat of most MIDI files.
STATED_MILLISECONDS = {
    "header": "time (ms)\n" + "".join(f"{480 * k}\n" for k in range(1, 41)),
    "header of two": "time_ms,position\n" + "".join(f"{480 * k},{k % 4 + 1}\n" for k in range(1, 41)),
    "key": json.dumps(
        {"beats_ms": [480 * k for k in range(1, 41)], "downbeats_ms": [1920 * k for k in range(1, 11)]}
    ),
    "key of objects": json.dumps([{"time_ms": 480 * k} for k in range(1, 41)]),
}


@pytest.mark.parametrize("name", IN_MILLISECONDS)
def test_milliseconds_are_read_and_told_if_they_can_be_nothing_else(read: Read, name: str) -> None:
    beats = read(IN_MILLISECONDS[name])
    assert beats.times == pytest.approx(0.5 * np.arange(1, len(beats.times) + 1))
    assert beats.notes == ("times were read as milliseconds",)


@pytest.mark.parametrize("name", STATED_MILLISECONDS)
def test_milliseconds_are_read_if_the_file_says_so(read: Read, name: str) -> None:
    beats = read(STATED_MILLISECONDS[name])
    assert beats.times == pytest.approx(0.48 * np.arange(1, 41))
    assert beats.notes == ("times were read as milliseconds",)
    if name == "key":
        assert beats.downbeats == pytest.approx(1.92 * np.arange(1, 11))


@pytest.mark.parametrize("per_second", [30, 43.066, 50, 86.13, 100, 172.27, 8000, 22050, 44100, 48000])
@pytest.mark.parametrize("bpm", [50, 90, 120, 180])
def test_frames_and_samples_are_never_taken_for_seconds(read: Read, per_second: float, bpm: float) -> None:
    text = "".join(f"{round((0.4 + 60 / bpm * k) * per_second)}\t{k % 4 + 1}\n" for k in range(30))
    with pytest.raises(BeatFileError, match="too far for beats"):
        read(text)


REFUSED = {
    "another word": ("0.5\nabc\n", "line 2 starts with 'abc'"),
    "prose": ("hello world\n", "line 1 does not name a time column"),
    "a header of other things": (
        "strength;value\n1;2\n",
        "line 1 does not name a time column",
    ),
    "a header of frames": (
        "frame,position\n50,1\n100,2\n",
        "line 1 gives the times in 'frame'; convert them",
    ),
    "not a number": ("0.5\nnan\n", "not a number"),
    "infinity": ("0.5\n1e999\n", "not a number"),
    "too late": ("500\n40000\n", "times must be in seconds"),
    "MIDI ticks": (
        annotation(lambda time, position: f"{960 * time:.0f}"),
        "times 480 apart, too far for beats",
    ),
    "centiseconds": (
        annotation(lambda time, position: f"{100 * time:.0f}\t{100 * time:.0f}\t384"),
        "times 50 apart",
    ),
    "minutes": (annotation(lambda time, position: f"{time / 60:.5f}"), "too close for beats"),
    "every frame": (
        "".join(f"{k / 100}\t0.1\n" for k in range(1000)),
        "times 0.01 s apart, too close for beats",
    ),
    "backwards": ("".join(f"{20 - 0.5 * k}\n" for k in range(40)), "39 of 40 times out of order or repeated"),
    "twice the same": (2 * annotation(lambda time, position: f"{time}"), "40 of 80 times out of order"),
    "two annotators": (
        annotation(lambda time, position: f"{time}") + annotation(lambda time, position: f"{time + 0.03}"),
        "39 of 80 times out of order or repeated",
    ),
    "whole seconds": (annotation(lambda time, position: f"{int(time)}"), "out of order or repeated"),
    "position first": (
        annotation(lambda time, position: f"{position},{time}"),
        "check which column holds the times",
    ),
    "before the start": (annotation(lambda time, position: f"{time - 100}"), "40 of 40 times before 0 s"),
    "pairs in a line": ("0.5 1.0\n1.5 2.0\n2.5 3.5\n", "several times, or a time and its label"),
    "three in a line": ("0.5 1.0 1.5\n", "several times, or a time and its label"),
    "a comma of two meanings": ("1,2\n2,1\n3,4\n4,2\n", "the comma may be a decimal comma"),
    "minutes and seconds": (
        annotation(lambda time, position: f"0:{time:06.3f}"),
        "line 2 starts with '0:01.000'",
    ),
    "YAML": ("rhythm:\n  beats_position: [0.5, 1.0]\n", "line 2"),
    "a printed array": ("[0.5 1.  1.5]\n", "cannot be read as JSON"),
    "HTML": ("<!DOCTYPE html><html></html>", "not a layer of Sonic Visualiser"),
    "broken XML": ("<sv><data>", "cannot be read as XML"),
    "XML that expands": ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
    "two layers": (
        '<sv><model sampleRate="8000"/><dataset/><dataset><point frame="1"/></dataset></sv>',
        "holds 2 layers",
    ),
    "a layer without a rate": (
        '<sv><model sampleRate="0"/><dataset><point frame="1"/></dataset></sv>',
        "sample rate of 0",
    ),
    "JSON of other things": ('{"tempo": 120}', "has no list of beats under beat_times, times"),
    "JSON of one number": ("[[1], [2]]", "no list of beats"),
    "JSON of words": ('{"beats": ["a"]}', "'a'"),
    "JSON of nulls": ('{"beats": [1.0, null]}', "None"),
    "JSON of objects without time": (
        '{"beats": [{"place": 1}]}',
        "beats without a time; their keys are place",
    ),
    "broken JSON": ('{"beats": [tru', "cannot be read as JSON"),
    "fewer positions": ('{"times": [1.0, 2.0], "positions": [1]}', "2 times but 1 positions"),
    "no list of positions": ('{"times": [1.0, 2.0], "positions": 5}', "holds no list under 'positions'"),
    "downbeats between beats": (
        '{"beats": [1.0, 1.5, 2.0], "downbeats": [1.2]}',
        "a downbeat at 1.2 s, but no beat there",
    ),
    "downbeats against positions": (
        '{"beats": [1.0, 1.5, 2.0], "downbeats": [1.0], "positions": [3, 1, 2]}',
        "downbeats that contradict its positions in the bar",
    ),
    "JAMS of chords": ('{"annotations": [{"namespace": "chord", "data": []}]}', "its namespaces are chord"),
    "fewer columns": ("time,position\n0.5\n", "line 2 has 1 columns, but the header has 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_no_beat_file(read: Read, name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(BeatFileError, match=r"song\.beats: ") as caught:
        read(content)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(".")


def test_integer_seconds_with_positions_are_no_decimal_commas(read: Read) -> None:
    beats = read("".join(f"{k},{k % 4 + 1}\n" for k in range(10, 30)))
    assert beats.times.tolist() == list(range(10, 30))
    assert beats.positions is not None
    assert beats.positions.tolist() == [k % 4 + 1 for k in range(10, 30)]


def test_a_single_beat_may_have_a_position(read: Read) -> None:
    for content in ("0.5\t1\n", "5,1\n", "5 1\n"):
        beats = read(content)
        assert beats.times.size == 1
        assert beats.positions is not None
        assert beats.positions.tolist() == [1]


def test_a_few_untidy_times_are_put_in_order_and_told(read: Read) -> None:
    times = [-0.5, *(0.5 * k for k in range(1, 30)), 14.5, 14.0]
    beats = read("".join(f"{time}\n" for time in times))
    assert beats.times.tolist() == [-0.5, *(0.5 * k for k in range(1, 30))]
    assert set(beats.notes) == {
        "times out of order were sorted",
        "repeated times were counted once",
        "beats before 0 s are not scored",
    }


def test_refuses_missing_binary_and_huge_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BeatFileError, match="No such file"):
        read_beats(tmp_path / "absent.beats")
    with pytest.raises(BeatFileError, match="Is a directory"):
        read_beats(tmp_path)
    path = tmp_path / "music.wav"
    for data in (b"RIFF\xff\xfe\x00\x81", b"MThd\x00\x00\x00\x06", b"\xff\xfe\x00", b"\x00\x01\x02"):
        path.write_bytes(data)
        with pytest.raises(BeatFileError, match="not a text file"):
            read_beats(path)
    monkeypatch.setattr("beattrack.formats.text.MAX_BYTES", 2)
    with pytest.raises(BeatFileError, match="too large for a beat file"):
        read_beats(path)


def test_sorts_merges_and_says_so() -> None:
    beats = beat_sequence([2.0, 1.0, 1.0, -0.5], [2, 4, 1, 3])
    assert beats.times.tolist() == [-0.5, 1.0, 2.0]
    assert beats.positions is not None
    assert beats.positions.tolist() == [3, 1, 2]
    assert len(beats.notes) == 3


@given(st.lists(st.floats(min_value=-10, max_value=1000), max_size=40), st.data())
def test_any_times_become_strictly_increasing_ones(times: list[float], data: st.DataObject) -> None:
    positions = data.draw(st.none() | st.lists(st.integers(1, 4), min_size=len(times), max_size=len(times)))
    beats = beat_sequence(times, positions)
    assert (np.diff(beats.times) > 0).all()
    assert set(beats.times.tolist()) == set(times)
    if positions is not None:
        assert beats.downbeats is not None
        downbeats = {time for time, position in zip(times, positions, strict=True) if position == 1}
        assert set(beats.downbeats.tolist()) == downbeats


@given(
    bpm=st.floats(40, 240),
    start=st.floats(0, 60),
    count=st.integers(8, 60),
    metre=st.integers(2, 7),
    digits=st.integers(2, 6),
    decimal=st.sampled_from(".,"),
    delimiter=st.sampled_from("\t; "),
)
def test_music_of_any_tempo_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    bpm: float,
    start: float,
    count: int,
    metre: int,
    digits: int,
    decimal: str,
    delimiter: str,
) -> None:
    times = [f"{start + k * 60 / bpm:.{digits}f}" for k in range(count)]
    positions = [k % metre + 1 for k in range(count)]
    lines = (
        f"{time.replace('.', decimal)}{delimiter}{position}\n"
        for time, position in zip(times, positions, strict=True)
    )
    path = tmp_path_factory.getbasetemp() / "any.beats"
    path.write_text("".join(lines))
    beats = read_beats(path)
    assert beats.times.tolist() == [float(time) for time in times]
    assert beats.positions is not None
    assert beats.positions.tolist() == positions
    assert beats.notes == ()


@pytest.mark.parametrize(
    ("text", "bpm"),
    [("1.2587e+02\n", 125.87), ("125.22\t62.89\t1.00", 125.22), ("60 120 0.2", 120.0), ("90 45", 90.0)],
)
def test_reads_tempo_files(tmp_path: Path, text: str, bpm: float) -> None:
    path = tmp_path / "song.bpm"
    path.write_text(text)
    assert read_tempo(path) == pytest.approx(bpm)


@pytest.mark.parametrize("text", ["", "fast", "0", "-3", "nan"])
def test_refuses_what_is_no_tempo(tmp_path: Path, text: str) -> None:
    path = tmp_path / "song.bpm"
    path.write_text(text)
    with pytest.raises(BeatFileError, match=r"song\.bpm"):
        read_tempo(path)
