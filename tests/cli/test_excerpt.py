from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

from beattrack.activations import Activations
from beattrack.cli import excerpt
from beattrack.formats.readers import read_beats
from tests.cli_cases import names, run, usage_error


def beats_of(path: Path) -> list[float]:
    return read_beats(path).times.tolist()


def test_only_the_part_is_tracked_at_the_times_of_the_whole(clip: Path) -> None:
    part, whole = clip.with_name("part.json"), clip.with_name("whole.json")
    assert run("predict", "-o", whole, clip).exit_code == 0
    assert run("predict", "-o", part, "--start", "0:02.3", "--end", 5.6, clip).exit_code == 0
    assert beats_of(part) == [time for time in beats_of(whole) if 2.3 <= time < 5.6]
    assert read_beats(part).duration == 8


def test_standard_input_and_batches_are_limited_too(two: tuple[Path, Path]) -> None:
    part = ("--start", 2, "--end", 6)
    folder = two[0].parent / "out"
    assert run("predict", *part, "-o", folder, "--jobs", 2, *two).exit_code == 0
    piped = run("predict", *part, "-", stdin=two[0].read_bytes())
    assert piped.exit_code == 0
    written = (folder / "blues.00000.beats").read_text()
    assert [line for line in written.splitlines() if "#" not in line] == [
        line for line in piped.stdout.splitlines() if "#" not in line
    ]
    assert min(beats_of(folder / "rock.00001.beats")) >= 2


def test_saved_activations_of_a_part_and_parts_of_saved_activations(clip: Path) -> None:
    saved, whole = clip.with_name("part.npz"), clip.with_name("whole.npz")
    ends = ("--start", 2.25, "--end", 6.2)
    by_predict = run("predict", *ends, "--activations", saved, clip).stdout
    assert Activations.load(saved).first == 225
    decoded = run("decode", saved).stdout
    assert times_in(decoded) == times_in(by_predict)
    run("predict", "--activations", whole, clip)
    part = run("decode", *ends, whole)
    assert [line.split()[0] for line in times_in(part.stdout)] == [
        line.split()[0] for line in times_in(by_predict)
    ]
    assert "# duration: 8.000" in part.stdout


def times_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("start", ["8", "1:00"])
def test_a_part_after_the_end(clip: Path, start: str) -> None:
    saved = clip.with_name("a.npz")
    run("predict", "--activations", saved, clip)
    outputs = ("--click", clip.with_name("a.wav"), "--page", clip.with_name("a.html"))
    why = f"has nothing from {excerpt.seconds(None, None, start):g} s on; it is 8.00 s long"  # type: ignore[arg-type]
    for arguments in (("predict", *outputs), ("decode",)):
        source = clip if arguments[0] == "predict" else saved
        result = run(*arguments, "--start", start, source)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"beattrack: {source}: {why}\n"
    assert names(clip.parent) == ["a.npz", clip.name]


def test_the_click_track_is_that_of_the_part(clip: Path) -> None:
    out, beats = clip.with_name("a.wav"), clip.with_name("a.json")
    options = ("--click-mode", "only", "--start", 2.2, "--end", 6)
    assert run("predict", "-o", beats, "--click", out, *options, clip).exit_code == 0
    samples, rate = soundfile.read(out)
    assert len(samples) == pytest.approx(3.8 * rate, abs=1)
    sounding = np.flatnonzero(samples)
    onsets = sounding[np.diff(sounding, prepend=-rate) > 0.1 * rate] / rate
    np.testing.assert_allclose(onsets + 2.2, beats_of(beats), atol=1.5 / rate)


@pytest.mark.parametrize("command", ["predict", "decode"])
def test_parts_that_cannot_be_meant(clip: Path, command: str) -> None:
    assert "--end must be after --start" in usage_error(command, "--start", 3, "--end", 2, clip)
    assert "--end must be after --start" in usage_error(command, "--end", 0, clip)
    assert "'x' is not a time, such as 90.5 or 1:30" in usage_error(command, "--start", "x", clip)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("90.5", 90.5), ("1:30", 90), ("1:02:03.5", 3723.5), ("75:00", 4500)]
)
def test_times(text: str, value: float) -> None:
    assert excerpt.seconds(None, None, text) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "x", "-1", "1:60", "1:-3", "nan", "inf", "1:2:3:4", "1:", "1e999"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time"):
        excerpt.seconds(None, None, text)  # type: ignore[arg-type]
