from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli_cases import names, run, usage_error


def test_two_inputs_for_one_output_are_refused(clip: Path) -> None:
    other = clip.parent / "other" / clip.name
    message = usage_error("predict", "-o", clip.parent, clip, other)
    assert f"{clip} and {other} would both be written to" in message
    assert "would both be written" in usage_error("predict", clip, clip)
    assert "would both be written" in usage_error(
        "predict", "-o", clip.with_name("x"), "--activations", clip.with_name("x"), clip
    )
    assert names(clip.parent) == ["blues.00000.flac"]


def test_outputs_keep_the_suffix_where_that_alone_tells_inputs_apart(clip: Path) -> None:
    wav = Path(shutil.copy(clip, clip.with_suffix(".wav")))
    rock = Path(shutil.copy(clip, clip.with_name("rock.flac")))
    assert run("predict", "-o", clip.parent / "out", clip, wav, rock).exit_code == 0
    assert names(clip.parent / "out") == ["blues.00000.flac.beats", "blues.00000.wav.beats", "rock.beats"]


def test_an_input_is_never_overwritten(clip: Path) -> None:
    before = clip.read_bytes()
    clip.with_name("soft.beats").symlink_to(clip)
    os.link(clip, clip.with_name("hard.beats"))
    for output in (clip, clip.with_name("soft.beats"), clip.with_name("hard.beats")):
        told = usage_error("predict", "--format", "beats", "-o", output, clip)
        assert "is an input and would be overwritten" in told
        assert "is an input" in usage_error("predict", "--activations", output, clip)
    beats = Path(shutil.copy(clip, clip.with_name("odd.beats")))
    assert "is an input" in usage_error("predict", beats, clip)
    assert clip.read_bytes() == beats.read_bytes() == before


def test_places_that_are_not_there_are_refused(two: tuple[Path, Path]) -> None:
    absent = two[0].parent / "no" / "such"
    assert "does not exist; create it first" in usage_error("predict", "-o", absent / "a.beats", two[0])
    assert "does not exist; create it first" in usage_error("predict", "-o", absent / "deep", *two)
    assert "--activations" in usage_error("predict", "--activations", absent / "a.npz", two[0])
    assert "is a file; with several inputs, give a folder with -o" in usage_error(
        "predict", "-o", two[0], *two
    )
    assert "only one file can go to standard output" in usage_error("predict", "-o", "-", *two)
    too_long = usage_error("predict", "-o", two[0].parent / ("x" * 300), *two)
    assert "cannot be created (File name too long)" in too_long


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--decoder", "peaks", "--beats-per-bar", "3"], "the peaks decoder has no option beats_per_bar"),
        (["--min-bpm", "200", "--max-bpm", "100"], "min_bpm 200 is above max_bpm 100"),
        (["--min-bpm", "nan"], "nan"),
        (["--max-bpm", "0"], "max_bpm must be at least 10, not 0.0"),
        (["--max-bpm", "50"], "min_bpm 55 (the default) is above max_bpm 50; set min_bpm too"),
        (["--beats-per-bar", "3;4"], "'3;4' is not one or more positive whole numbers"),
        (["--beats-per-bar", "0"], "positive whole numbers"),
        (["--beats-per-bar", "3,3"], "a metre twice"),
        (["--decoder", "hmm"], "'hmm' is not one of"),
        (["--format", "midi"], "'midi' is not one of"),
        (["--device", "tpu"], "'tpu' is not one of"),
        (["--threads", "0"], "0 is not in the range"),
        (["--threads", "100000"], "100000 is not in the range"),
        (["--jobs", "100000"], "100000 is not in the range"),
        (["--min-bpm", "3"], "min_bpm must be at least 10, not 3.0"),
        (["--model", "nonesuch"], "no model is called 'nonesuch'; use a shipped model"),
        (["--model", "none/such.onnx"], "there is no such model file"),
    ],
)
def test_wrong_options_are_refused(clip: Path, options: list[str], message: str) -> None:
    assert message in usage_error("predict", *options, clip)
