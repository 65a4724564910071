from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beattrack.activations import Activations
from tests.cli_cases import lines, run, usage_error
from tests.dbn_cases import pulse


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Activations of 20 s at about 120 BPM."""
    music = pulse(20.0, seed=2)
    music.save(tmp_path / "song.npz")
    return tmp_path / "song.npz"


def record(*args: object) -> dict[str, Any]:
    result = run(*args, "--quiet", "--format", "json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def rows(*args: object) -> np.ndarray:
    result = run(*args)
    assert result.exit_code == 0, result.stderr
    return np.loadtxt(lines(result.stdout))


@pytest.mark.parametrize("command", ["predict", "decode"])
def test_one_line_in_a_file_moves_the_bars(clip: Path, saved: Path, command: str) -> None:
    source = clip if command == "predict" else saved
    found = rows(command, source)
    time, position = found[5]
    anchors = source.with_name("anchors.txt")
    anchors.write_text(f"{time} {position % 4 + 1:g}\n")
    moved = rows(command, "--anchors", anchors, source)
    np.testing.assert_array_equal(moved[:, 0], found[:, 0])
    np.testing.assert_array_equal(moved[:, 1], found[:, 1] % 4 + 1)


def test_the_tolerance_is_in_milliseconds(saved: Path) -> None:
    time = rows("decode", saved)[5, 0] + 0.05
    anchors = saved.with_name("anchors.txt")
    anchors.write_text(f"{time}\n")
    for tolerance, reach in ((None, 0.07), (20, 0.02), (0, 0.0)):
        args = [] if tolerance is None else ["--anchor-tolerance", tolerance]
        found = record("decode", "--anchors", anchors, *args, saved)
        times = np.array([beat["time"] for beat in found["beats"]])
        assert np.abs(times - time).min() <= reach + 1e-9
        assert found["decoder"]["anchors"]["tolerance"] == (0.07 if tolerance is None else tolerance / 1000)


def test_beats_of_another_run_are_anchors(saved: Path) -> None:
    beats = saved.with_name("corrected.beats")
    assert run("decode", "-o", beats, saved).exit_code == 0
    held = rows("decode", "--anchors", beats, "--anchor-tolerance", 0, saved)
    np.testing.assert_array_equal(held, np.loadtxt(beats))


def test_anchors_that_contradict_each_other_fail_with_one_sentence(saved: Path) -> None:
    anchors = saved.with_name("anchors.txt")
    for text, expected in (
        ("3.0\n3.1\n", "the anchors at 3.00 s and 3.10 s are too close for the fastest tempo allowed"),
        ("3.0 5\n", "the anchor at 3.00 s has position 5, but the longest bar has 4 beats"),
        ("3.0 1\n99.0 1\n", "the anchor at 99.00 s is outside the recording, which lasts 20.00 s"),
        ("3.0 1\n3.4 3\n", "no bars of 3 or 4 beats meet the anchor at 3.40 s and those before it"),
    ):
        anchors.write_text(text)
        output = saved.with_name("out.beats")
        result = run("decode", "--anchors", anchors, "-o", output, saved)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"beattrack: {saved}: {expected}")
        assert len(lines(result.stderr)) == 1
        assert not output.exists()


def test_a_file_without_anchors_fails_before_any_work(clip: Path) -> None:
    anchors = clip.with_name("anchors.txt")
    anchors.write_text("# none yet\n")
    result = run("predict", "--anchors", anchors, clip)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{anchors}: has no beats" in result.stderr


def test_anchors_belong_to_one_recording(two: tuple[Path, Path]) -> None:
    anchors = two[0].with_name("anchors.beats")
    anchors.write_text("3.0 1\n")
    assert "belongs to one recording" in usage_error("predict", "--anchors", anchors, *two)
    assert "does not exist" in usage_error("predict", "--anchors", anchors.with_name("no"), two[0])
    assert "needs the decoder dbn, not peaks" in usage_error(
        "predict", "--anchors", anchors, "--decoder", "peaks", two[0]
    )
    assert "--anchor-tolerance needs --anchors" in usage_error("predict", "--anchor-tolerance", 20, two[0])
    assert "would be overwritten" in usage_error("predict", "--anchors", anchors, "-o", anchors, two[0])
    assert "leave out --alternatives" in usage_error(
        "predict", "--anchors", anchors, "--alternatives", "-o", two[0].with_name("a.beats"), two[0]
    )
    assert anchors.read_text() == "3.0 1\n"


def test_bpm_is_the_tempo(saved: Path) -> None:
    free = record("decode", saved)["tempo"]["bpm"]
    assert free == pytest.approx(120, abs=3)
    found = record("decode", "--bpm", 60, saved)
    assert found["tempo"]["bpm"] == pytest.approx(60, rel=0.05)
    intervals = np.diff([beat["time"] for beat in found["beats"]])
    assert np.abs(intervals - 1.0).max() < 0.07
    settings = found["decoder"]["settings"]
    assert (settings["min_bpm"], settings["max_bpm"]) == (60, 60)


@pytest.mark.parametrize("option", ["--min-bpm", "--max-bpm", "--tempo-hint"])
def test_bpm_excludes_other_options_for_the_tempo(saved: Path, option: str) -> None:
    assert f"--bpm sets the tempo; leave out {option}" in usage_error(
        "decode", "--bpm", 120, option, 120, saved
    )


def test_a_hint_chooses_the_octave(tmp_path: Path) -> None:
    beats = np.full(2000, 0.02)
    beats[10::30] = 0.3  # 200 BPM
    beats[10::60] = 0.6  # 100 BPM
    Activations(beats, None, 100.0).save(tmp_path / "a.npz")
    for hint, bpm in ((92, 100), (210, 200), (90, 100), (230, 200)):
        found = record("decode", "--tempo-hint", hint, tmp_path / "a.npz")
        assert found["tempo"]["bpm"] == pytest.approx(bpm, rel=0.01)
        assert found["decoder"]["settings"]["tempo_prior"]["bpm"] == hint
        assert found["decoder"]["settings"]["max_bpm"] == (215 if hint < 215 else 276)


def test_a_hint_outside_the_range(saved: Path) -> None:
    settings = record("decode", "--tempo-hint", 48, saved)["decoder"]["settings"]
    assert (settings["min_bpm"], settings["max_bpm"]) == (40, 215)
    message = usage_error("decode", "--tempo-hint", 48, "--min-bpm", 60, saved)
    assert "--tempo-hint 48 is outside the tempo range; change --min-bpm 60" in message
    message = usage_error("decode", "--tempo-hint", 170, "--max-bpm", 160, saved)
    assert "change --max-bpm 160" in message
    assert record("decode", "--tempo-hint", 170, "--max-bpm", 180, saved)["beats"]


def test_metre_changes_are_found_if_they_are_allowed(tmp_path: Path) -> None:
    bars = [4] * 6 + [3] * 6 + [4] * 6
    positions = np.concatenate([np.arange(bar) for bar in bars])[2:] + 1  # from the third beat
    frames = np.arange(len(positions) * 50)
    beats, downbeats = np.full(len(frames), 0.004), np.full(len(frames), 0.002)
    for index, position in enumerate(positions):
        peak = np.exp(-0.5 * ((frames - 20 - 50 * index) / 1.2) ** 2)
        beats += 0.85 * peak
        downbeats += 0.8 * peak * (position == 1)
    Activations(beats, downbeats, 100.0).save(tmp_path / "a.npz")
    changing = rows("decode", "--metre-changes", tmp_path / "a.npz")
    np.testing.assert_array_equal(changing[:, 1], positions)
    constant = rows("decode", tmp_path / "a.npz")
    assert not np.array_equal(constant[:, 1], positions)
    assert record("decode", "--metre-changes", tmp_path / "a.npz")["metre"] == 4


def test_metre_changes_need_metres_and_the_exact_decoder(saved: Path) -> None:
    message = usage_error("decode", "--metre-changes", "--beats-per-bar", 4, saved)
    assert "needs several metres" in message
    message = usage_error("decode", "--metre-changes", "--decoder", "madmom", saved)
    assert "--metre-changes needs the decoder dbn, not madmom" in message


@pytest.mark.parametrize(
    "args",
    [
        ("--bpm", "nan"),
        ("--bpm", "5"),
        ("--bpm", "fast"),
        ("--tempo-hint", "0"),
        ("--tempo-hint", "inf"),
        ("--anchor-tolerance", "-1"),
        ("--bpm", "120", "--decoder", "peaks"),
        ("--tempo-hint", "120", "--decoder", "madmom"),
    ],
)
def test_senseless_values_are_usage_errors(saved: Path, args: tuple[str, ...]) -> None:
    assert usage_error("decode", *args, saved)


def test_anchors_outside_the_part_are_named(saved: Path) -> None:
    anchors = saved.with_name("song.anchors")
    anchors.write_text("5 1\n")
    says = usage_error("decode", saved, "--anchors", anchors, "--start", "10", "--end", "20")
    assert f"{anchors}: has no anchor from 10 to 20 s" in says


def test_an_anchor_in_silence_is_reported_where_it_is(tmp_path: Path) -> None:
    silent = np.full(1000, 1e-9, np.float32)
    Activations(silent, silent / 2, fps=100.0).save(tmp_path / "song.npz")
    (tmp_path / "song.anchors").write_text("5.0 1\n")
    found = rows("decode", tmp_path / "song.npz", "--anchors", tmp_path / "song.anchors", "--bpm", "120")
    assert np.abs(np.atleast_2d(found)[:, 0] - 5.0).min() <= 0.01


def test_errors_do_not_overwrite_other_files(clip: Path) -> None:
    anchors = clip.with_name("song.anchors")
    anchors.write_text("5 1\n")
    before = clip.read_bytes()
    for file in (clip, anchors):
        args = ("--anchors", anchors, "--errors", file, "-o", clip.with_name("z.beats"))
        assert "choose another --errors" in usage_error("predict", clip, *args)
    assert (clip.read_bytes(), anchors.read_text()) == (before, "5 1\n")
