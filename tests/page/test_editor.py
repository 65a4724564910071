"""The edits of the page, run by Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from beattrack.formats.readers import read_beats

State: TypeAlias = dict[str, Any]

NODE = shutil.which("node")
EDITOR = resources.files("beattrack.page").joinpath("static", "editor.js")
PROGRAM = (
    "const editor = require(process.argv[1]);"
    "const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    "console.log(JSON.stringify(calls.map(([name, ...values]) => editor[name](...values))));"
)
TIMES = [0.5 * beat + 1 for beat in range(16)]
FOUR_BARS = {"times": TIMES, "positions": [1, 2, 3, 4] * 4}
PICK_UP = {"times": TIMES, "positions": [4, *[1, 2, 3, 4] * 3, 1, 2, 3]}
NO_BARS = {"times": TIMES, "positions": None}

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js to run the program of the page")


def several(*calls: list[Any]) -> list[Any]:
    """What the functions of the editor return; a call is a name and arguments."""
    command = [str(NODE), "-e", PROGRAM, str(EDITOR)]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def call(name: str, *values: Any) -> Any:
    return several([name, *values])[0]


def random_states(count: int) -> list[State]:
    """States as a tracker and a user could make them: bars of any lengths, pick-ups, no bars, few beats."""
    rng = np.random.default_rng(7)
    states = []
    for _ in range(count):
        times = np.cumsum(rng.uniform(0.15, 1.2, rng.integers(1, 30))).round(4)
        lengths = rng.integers(1, 8, len(times))
        positions = np.concatenate([np.arange(length) + 1 for length in lengths])[rng.integers(0, 3) :]
        kept = [*positions.tolist(), *[1] * len(times)][: len(times)]
        states.append({"times": times.tolist(), "positions": kept if rng.random() < 0.9 else None})
    return states


def test_every_edit_of_every_state_leaves_beats_that_can_be_saved() -> None:
    rng = np.random.default_rng(8)
    calls: list[list[Any]] = []
    for state in random_states(150):
        count, last = len(state["times"]), state["times"][-1]
        index, metre = int(rng.integers(count)), int(rng.integers(1, 8))
        time = float(rng.uniform(0, last + 3))
        taps = [[time + 0.4 * i, bool(rng.random() < 0.3)] for i in range(rng.integers(1, 9))]
        calls += [
            ["add", state, time, metre, bool(rng.random() < 0.3)],
            ["remove", state, index, metre],
            ["move", state, index, time, last + 4],
            ["barFrom", state, index, metre],
            ["withMetre", state, metre, index],
            ["shiftBars", state, int(rng.choice([-1, 1])), metre],
            ["halfTempo", state, metre],
            ["doubleTempo", state, metre],
            ["tapped", state, taps, metre],
        ]
    for made, (name, before, *_) in zip(several(*calls), calls, strict=True):
        times, positions = made["times"], made["positions"]
        assert (np.diff(times) > 0).all(), name
        assert min(times, default=0) >= 0, name
        if positions is None:
            assert before["positions"] is None
            continue
        assert len(positions) == len(times), name
        assert all(position >= 1 and position == int(position) for position in positions), name


def test_a_missing_beat_that_is_added_completes_its_bar() -> None:
    gap = {"times": TIMES[:5] + TIMES[6:], "positions": [1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4, 1, 2, 3, 4]}
    assert call("add", gap, TIMES[5], 4) == FOUR_BARS


def test_a_beat_too_many_that_is_deleted_completes_its_bar() -> None:
    extra = {"times": sorted([*TIMES, 3.25]), "positions": [1, 2, 3, 4, 1, 2, 3, 4, 5, *[1, 2, 3, 4] * 2]}
    assert call("remove", extra, 5, 4) == FOUR_BARS


def test_only_the_bar_itself_is_counted_anew() -> None:
    positions = [3, 1, 2, 1, 2, 3, 4, 5, 1, 2, 3, 1, 2, 1, 1, 2]
    made = call("add", {"times": TIMES, "positions": positions}, 2.75, 4)
    assert made["positions"] == [3, 1, 2, 1, 2, 3, 4, 5, 6, 1, 2, 3, 1, 2, 1, 1, 2]


def test_the_bar_begins_with_the_next_beat_if_its_downbeat_is_deleted() -> None:
    assert call("remove", FOUR_BARS, 4, 4)["positions"] == [1, 2, 3, 4, 1, 2, 3, *[1, 2, 3, 4] * 2]


def test_there_are_no_two_beats_at_one_time() -> None:
    assert call("add", FOUR_BARS, 1.51, 4) == FOUR_BARS


def test_beats_after_the_last_bar_go_on_in_bars() -> None:
    state: State = FOUR_BARS
    for time in (9.0, 9.5, 10.0, 10.5, 11.0):
        state = call("add", state, time, 4)
    assert state["positions"] == [*[1, 2, 3, 4] * 5, 1]


def test_a_beat_moves_no_further_than_its_neighbours() -> None:
    near, far, first, last = several(
        ["move", FOUR_BARS, 3, 2.6, 10],
        ["move", FOUR_BARS, 3, 7.0, 10],
        ["move", FOUR_BARS, 0, -1.0, 10],
        ["move", FOUR_BARS, 15, 12.0, 10],
    )
    assert near["times"][3] == 2.6
    assert far["times"][3] == pytest.approx(2.98)
    assert (first["times"][0], last["times"][15]) == (0, 10)
    assert near["positions"] == FOUR_BARS["positions"]


def test_bars_are_shifted_and_shifted_back() -> None:
    for state in (FOUR_BARS, PICK_UP):
        later = call("shiftBars", state, 1, 4)
        assert later["positions"].index(1) == (state["positions"].index(1) + 1) % 4
        assert call("shiftBars", later, -1, 4) == state
        assert call("shiftBars", call("shiftBars", state, -1, 4), 1, 4) == state
    assert call("shiftBars", NO_BARS, 1, 4)["positions"] == FOUR_BARS["positions"]


def test_metre_around_a_downbeat() -> None:
    made = call("withMetre", FOUR_BARS, 3, 4)
    assert made["positions"] == [3, 1, 2, 3, *[1, 2, 3] * 4]


def test_bars_from_a_beat_on_leave_those_before() -> None:
    made = call("barFrom", FOUR_BARS, 6, 3)
    assert made["positions"] == [1, 2, 3, 4, 1, 2, *[1, 2, 3] * 3, 1]


def test_half_and_double_tempo() -> None:
    double, half = several(["doubleTempo", PICK_UP, 4], ["halfTempo", PICK_UP, 4])
    assert double["times"] == [0.25 * beat + 1 for beat in range(31)]
    assert double["positions"][:7] == [3, 4, 1, 2, 3, 4, 1]
    assert half["times"] == TIMES[1::2]  # the downbeats stay
    assert half["positions"] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert call("halfTempo", double, 4) == PICK_UP


def test_double_tempo_leaves_pauses_alone() -> None:
    paused = {"times": [1, 1.5, 2, 2.5, 30, 30.5, 31], "positions": None}
    made = call("doubleTempo", paused, 4)
    assert made["times"] == [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 30, 30.25, 30.5, 30.75, 31]


def test_taps_replace_the_beats_that_they_cover() -> None:
    taps = [[2.95, False], [3.55, False], [4.05, False]]
    made = call("tapped", FOUR_BARS, taps, 4)
    assert made["times"] == [*TIMES[:4], 2.95, 3.55, 4.05, *TIMES[7:]]
    assert made["positions"] == FOUR_BARS["positions"]  # the downbeat at 3 s is now the one tapped there
    every_other = call("tapped", FOUR_BARS, [[3.0, True], [4.0, False], [5.0, False]], 4)
    assert every_other["times"] == [*TIMES[:4], 3.0, 4.0, 5.0, *TIMES[9:]]


def test_taps_in_an_empty_recording_begin_a_bar() -> None:
    made = call("tapped", {"times": [], "positions": []}, [[1, False], [1.5, False], [2, False]], 2)
    assert made == {"times": [1, 1.5, 2], "positions": [1, 2, 1]}


def test_tempo_and_metre() -> None:
    assert several(["tempoOf", TIMES], ["tempoOf", [1]]) == [pytest.approx(120), None]
    assert several(["metreOf", PICK_UP["positions"]], ["metreOf", None]) == [4, None]
    assert call("barNumbers", PICK_UP)[:6] == [0, 1, 1, 1, 1, 2]


def test_the_file_is_read_back(tmp_path: Path) -> None:
    about = {"tempo": 120, "version": "1.0", "model": "tcn\n", "edited": True, "metre": 4}
    about |= {"offset": 0, "recordingDuration": 10}
    for state in (PICK_UP, NO_BARS):
        path = tmp_path / "a.beats"
        path.write_text(call("beatsFile", state, about), encoding="utf-8")
        found = read_beats(path)
        assert found.times.tolist() == TIMES
        assert np.loadtxt(path, ndmin=2)[:, 0].tolist() == TIMES
        read = None if found.positions is None else found.positions.tolist()
        assert read == state["positions"]
        header = [line for line in path.read_text().splitlines() if line.startswith("#")]
        assert header[:2] == ["# tempo_bpm: 120.00", "# metre: 4"]
        assert "# corrected: by hand" in header
    assert call("beatsFile", {"times": [], "positions": []}, {**about, "tempo": None}).startswith(
        "# tempo_bpm: none\n# metre: none\n# beats: 0\n"
    )


def test_the_file_of_a_part_has_the_times_of_the_recording(tmp_path: Path) -> None:
    about = {"tempo": 120, "version": "1.0", "metre": 4, "offset": 65.3, "recordingDuration": 200}
    path = tmp_path / "a.beats"
    path.write_text(call("beatsFile", FOUR_BARS, about), encoding="utf-8")
    found = read_beats(path)
    assert found.times.tolist() == pytest.approx([65.3 + time for time in TIMES])
    assert found.duration == 200


def test_undo_and_redo() -> None:
    program = (
        "const {History} = require(process.argv[1]); const h = new History('a'); const seen = [];"
        "h.push('b'); h.push('c'); h.push('c');"
        "for (const step of ['undo', 'undo', 'undo', 'redo', 'redo', 'redo', 'undo'])"
        " seen.push([h[step](), h.state]);"
        "h.push('d'); seen.push([h.redo(), h.state]); console.log(JSON.stringify(seen))"
    )
    done = subprocess.run([str(NODE), "-e", program, str(EDITOR)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        *([True, "b"], [True, "a"], [False, "a"]),
        *([True, "b"], [True, "c"], [False, "c"], [True, "b"]),
        [False, "d"],
    ]
