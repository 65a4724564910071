from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.cli_cases import lines, run, usage_error
from tests.synth import drum_clip

PAGE = Path(__file__).parents[2] / "docs" / "receptive-field.md"
EXAMPLES = re.findall(
    r"^```\n\$ beattrack (receptive-field[^\n]*)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S
)


def record_of(*args: object) -> dict[str, Any]:
    result = run("receptive-field", *args, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def error_of(*args: object) -> str:
    return usage_error("receptive-field", *args)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is measured in a moment."""
    pytest.importorskip("torch")
    from beattrack.network.export import export_onnx
    from beattrack.network.gradient_check import with_new_weights
    from beattrack.network.model_settings import ModelSettings
    from beattrack.network.settings import (
        FrontEndSettings,
        HarmonyPathSettings,
        NetworkSettings,
        TCNSettings,
    )
    from beattrack.training.unseen_taps import silence_unseen_taps

    network = NetworkSettings(
        front_end=FrontEndSettings(channels=4),
        tcn=TCNSettings(channels=6, kernel=3, dilations=(1, 2, 4)),
        harmony=HarmonyPathSettings(channels=2, convolutions=(4, 4), hidden=4, lags=(2,)),
    )
    settings = ModelSettings.of(network)
    weights = with_new_weights(network)
    silence_unseen_taps(weights.tcn, 5)
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    export_onnx(weights, settings, path)
    return path


@pytest.mark.parametrize(("layers", "frames", "seconds"), [(4, 33, 0.33), (11, 4097, 40.97)])
def test_the_numbers_of_the_lecture(layers: int, frames: int, seconds: float) -> None:
    record = record_of("--layers", layers, "--first-undilated", "--fps", 100)
    assert (record["frames"], record["seconds"]) == (frames, seconds)
    assert (record["before"], record["after"]) == (frames // 2, frames // 2)
    assert (record["convolutions"], record["taps"]) == (layers + 1, 3 * (layers + 1))


def test_the_plain_cnn_of_the_lecture() -> None:
    record = record_of("--layers", 11, "--dilation", 1)
    assert (record["frames"], record["seconds"], record["taps"]) == (23, 0.23, 33)
    rows = {row["name"]: row for row in record_of("--layers", 11, "--first-undilated")["compared"]}
    assert (rows["plain CNN, 11 layers"]["frames"], rows["plain CNN, 11 layers"]["seconds"]) == (23, 0.23)
    assert rows["plain CNN, same depth"]["frames"] == 25
    assert rows["plain CNN, same frames"]["convolutions"] == 2048
    assert rows["one convolution"]["taps"] == 4097


def test_defaults_and_every_option_of_a_stack() -> None:
    assert record_of()["frames"] == 4095
    record = record_of(
        "--kernel",
        2,
        "--layers",
        3,
        "--dilation",
        3,
        "--stacks",
        2,
        "--first-undilated",
        "--causal",
        "--fps",
        50,
    )
    assert (record["before"], record["after"], record["frames"]) == (27, 0, 28)
    assert (record["seconds"], record["seconds_before"], record["seconds_after"]) == (0.56, 0.54, 0.0)
    assert record["formula"] == "1 + (2 - 1) * (1 + 2 * (1 + 3 + 9)) = 1 + 1 * 27 = 28"
    given = {"kernel": 2, "layers": 3, "dilation": 3, "stacks": 2, "causal": True, "first_undilated": True}
    assert given.items() <= record.items()


def test_the_text_has_the_formula_time_and_cost() -> None:
    result = run("receptive-field", "--layers", "4", "--first-undilated")
    assert (result.exit_code, result.stderr) == (0, "")
    for part in (
        "5 convolutions of kernel 3, dilation 1, 1, 2, 4, 8\n",
        "1 + (3 - 1) * (1 + 1 + 2 + 4 + 8) = 1 + 2 * 16 = 33\n",
        "0.33 s at 100 frames per second: 0.16 s before a frame, 0.16 s after it",
        "15 taps per output",
    ):
        assert part in result.stdout
    assert (
        "1 convolution of kernel 2, dilation 1, causal\n"
        in run("receptive-field", "--layers", "1", "--kernel", "2", "--causal").stdout
    )


def test_large_numbers_stay_apart() -> None:
    row = next(
        line
        for line in lines(run("receptive-field", "--layers", "50").stdout)
        if line.startswith("this stack")
    )
    assert row.split()[2:] == ["50", str(2**51 - 1), f"{(2**51 - 1) / 100:.2f}", "150"]


@pytest.mark.parametrize(
    ("stack", "frames"),
    [
        (("--layers", "4", "--first-undilated"), 33),
        (("--layers", "11", "--first-undilated"), 4097),
        (("--layers", "11", "--dilation", "1"), 23),
        (("--layers", "5", "--kernel", "2", "--causal", "--stacks", "3"), 94),
    ],
)
def test_the_gradient_agrees(stack: tuple[str, ...], frames: int) -> None:
    pytest.importorskip("torch")
    check = record_of(*stack, "--check")["check"]
    assert (check["frames"], check["agrees"]) == (frames, True)
    text = run("receptive-field", *stack, "--check").stdout
    assert f"one output has a gradient at all {frames} frames\n" in text
    assert text.endswith(", as calculated.\n")


def test_gaps_are_told() -> None:
    pytest.importorskip("torch")
    stack = ("--kernel", "2", "--dilation", "3", "--layers", "3", "--causal", "--check")
    record = record_of(*stack)
    assert (record["has_gaps"], record["frames"], record["check"]["reached"]) == (True, 14, 8)
    text = run("receptive-field", *stack).stdout
    assert "some frames in between are not seen" in text
    assert "a gradient at 8 of 14 frames\nfrom 13 before it to 0 after it, as calculated." in text
    assert not record_of("--layers", "4")["has_gaps"]


def test_a_gradient_that_disagrees_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from beattrack.network import gradient_check
    from beattrack.network.receptive_field import Gradient

    monkeypatch.setattr(gradient_check, "measure_stack", lambda settings: Gradient(np.ones(5), 2))
    result = run("receptive-field", "--layers", "4", "--check")
    assert result.exit_code == 1
    assert "not as calculated" in result.stdout
    assert lines(result.stderr) == ["beattrack: the gradient and the formula disagree on the receptive field"]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_pictures(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"a{suffix}"
    result = run("receptive-field", "--layers", "4", "--plot", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "4 convolutions" in result.stdout
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--kernel", "0"), "kernel must be at least 2, not 0"),
        (("--kernel", "4"), "kernel must be odd unless the stack is causal, not 4"),
        (("--layers", "0"), "layers must be a positive whole number, not 0"),
        (("--layers", "-3"), "layers must be a positive whole number, not -3"),
        (("--layers", "many"), "'many' is not a valid integer"),
        (("--layers", "60"), "the receptive field exceeds 2 ** 53 frames"),
        (("--dilation", "0"), "dilation must be a positive whole number, not 0"),
        (("--stacks", "0"), "stacks must be a positive whole number, not 0"),
        (("--fps", "0"), "fps must be from 0.001"),
        (("--fps", "nan"), "fps must be a finite number"),
        (("--plot", "a.jpg"), "a.jpg: unknown picture format; use one of .png, .svg"),
        (("--plot", ""), "unknown picture format"),
        (
            ("--model", "tcn", "--kernel", "3", "--causal"),
            "--kernel, --causal cannot be combined with --model",
        ),
        (("--model", "absent"), "no model is called 'absent'"),
        (("--model", "tcn", "--plot", "a.png"), "--plot of a model shows its gradient; add --check"),
        (("--recording", "a.wav"), "--recording needs --model and --check"),
        (("--model", "tcn", "--recording", "a.wav"), "--recording needs --model and --check"),
        (("song.wav",), "unexpected extra argument"),
    ],
)
def test_wrong_options(
    args: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "--plot" in args:
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert message in error_of(*args)
    assert not list(tmp_path.iterdir())


def test_stacks_too_large_to_measure_are_a_usage_error() -> None:
    pytest.importorskip("torch")
    assert "too large to measure: 2097151 frames" in error_of("--layers", "20", "--check")


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "a.png"
    folder.mkdir()
    for path in (folder, tmp_path / "absent" / "a.png"):
        result = run("receptive-field", "--layers", "2", "--plot", path)
        assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
        assert result.stderr.startswith(f"beattrack: {path}: ")


def test_what_is_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_text("no model")
    result = run("receptive-field", "--model", path)
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert "a.onnx" in result.stderr


def test_without_the_extras_the_messages_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for args in (("--layers", "4"), ("--model", "tcn")):
        assert run("receptive-field", *args).exit_code == 0
        result = run("receptive-field", *args, "--check")
        assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
        assert "--check needs the package 'torch'; install it with `pip install 'beattrack[train]'`" in (
            result.stderr
        )
    result = run("receptive-field", "--plot", "a.png")
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert "drawing needs the package 'matplotlib'" in result.stderr


def test_the_shipped_model() -> None:
    record = record_of("--model", "tcn")
    stages = {stage["name"]: stage for stage in record["stages"]}
    whole = stages["front-end + TCN"]
    assert (whole["frames"], whole["before"], whole["after"]) == (16381, 8190, 8190)
    assert (whole["seconds"], whole["seconds_before"], whole["seconds_after"]) == (163.81, 81.9, 81.9)
    assert (stages["harmony path"]["frames"], stages["harmony path"]["fps"]) == (34, 10.0)
    text = run("receptive-field", "--model", "tcn").stdout
    assert text.startswith("tcn: 16381 frames of the spectrogram, 163.81 s; not causal\n")
    assert len(lines(text)) == 3 + 1 + len(stages)


def test_a_model_is_measured_with_new_weights_and_with_its_own(small_model: Path) -> None:
    record = record_of("--model", small_model, "--check")
    check = record["check"]
    assert check["agrees"]
    rows = {row["name"]: row for row in check["stages"]}
    assert rows["front-end + TCN"]["new_weights"] == rows["front-end + TCN"]["formula"] == 33
    # Of the taps 1 to 8 frames away, those 8 frames away see no other part of a crop of 5 frames.
    assert rows["TCN"]["weights"] == rows["TCN"]["formula_without_zero_taps"] == 1 + 2 * (2 + 4 + 4)
    assert [gradient["measured"] for gradient in record["gradient"]] == ["new weights, noise", "small, noise"]
    for gradient in record["gradient"]:
        for view in ("spectrogram", "harmony_view"):
            assert np.all(np.diff(gradient[view]) > -1e-9)
            assert gradient[view][-1] == pytest.approx(1)
    text = run("receptive-field", "--model", small_model, "--check").stdout
    assert "The gradient is as calculated.\n" in text
    assert "small, noise: harmony view" in text


def test_a_model_is_measured_on_a_recording(small_model: Path, clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    args = ("--model", small_model, "--check", "--recording", clip, "--plot", tmp_path / "a.png")
    last = record_of(*args)["gradient"][-1]
    assert re.fullmatch(r"blues\.00000\.flac at [34]\.\d\d s", last["measured"])
    assert last["spectrogram"][-1] == pytest.approx(1)
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_recording_that_cannot_be_measured(small_model: Path, tmp_path: Path) -> None:
    silent, empty = tmp_path / "silent.wav", tmp_path / "empty.wav"
    soundfile.write(silent, np.zeros(44100), 22050)
    soundfile.write(empty, np.zeros(0), 22050)
    for path in (silent, empty, tmp_path / "absent.wav"):
        result = run("receptive-field", "--model", small_model, "--check", "--recording", path)
        assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
        assert path.name in result.stderr


def test_a_short_recording(small_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, drum_clip(120, duration=2.0)[0], 22050)
    record = record_of("--model", small_model, "--check", "--recording", path)
    assert record["gradient"][-1]["spectrogram"][-1] == pytest.approx(1)


def slow_if_a_model_is_measured(example: tuple[str, str]) -> Any:
    slow = "--model" in example[0] and "--check" in example[0]
    return pytest.param(example, marks=[pytest.mark.slow] * slow, id=example[0])


@pytest.mark.parametrize("example", [slow_if_a_model_is_measured(example) for example in EXAMPLES])
def test_the_page_shows_what_the_commands_print(example: tuple[str, str]) -> None:
    command, printed = example
    if "--check" in command:
        pytest.importorskip("torch")
    assert run(*command.split()).stdout == printed


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 4
