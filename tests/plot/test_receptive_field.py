from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from beattrack.errors import MissingExtraError, SettingsError
from beattrack.network.receptive_field import Gradient, StackSettings
from beattrack.plot import PICTURES
from beattrack.plot.receptive_field import (
    MOST_DOTS,
    MOST_ROWS,
    check_picture,
    drawn_part,
    growth,
    seen,
    write_gradient_plot,
    write_stack_plot,
)
from tests.network.test_receptive_field import stacks

pytest.importorskip("matplotlib")

STACKS = {
    "small": StackSettings(layers=3, first_undilated=True),
    "large": StackSettings(layers=11),
    "plain": StackSettings(layers=5, dilation=1),
    "causal": StackSettings(kernel=2, layers=4, causal=True),
    "stacked": StackSettings(layers=2, stacks=2),
    "wide": StackSettings(kernel=201, layers=2),
    "one": StackSettings(layers=1),
    "deep": StackSettings(layers=2000, dilation=1),
}


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("suffix", PICTURES)
def test_a_picture_is_written_and_the_same_each_time(name: str, suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for path in paths:
        write_stack_plot(STACKS[name], path, fps=100.0)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    assert sorted(tmp_path.iterdir()) == paths


def test_a_picture_says_how_many_frames_are_seen(tmp_path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        write_stack_plot(StackSettings(layers=11, first_undilated=True), tmp_path / "a.svg", fps=50.0)
    text = (tmp_path / "a.svg").read_text()
    for part in (
        "the first 6 of 12 convolutions",
        "4097 frames, 81.94 s",
        "25 frames, 0.50 s",
        "dilation 16",
    ):
        assert part in text


def test_the_picture_of_a_gradient(tmp_path: Path) -> None:
    import matplotlib as mpl

    sizes = np.exp(-np.abs(np.arange(-300, 301)) / 50.0)
    curves = [
        ("new", "spectrogram", 100.0, Gradient(sizes, 300)),
        ("new", "harmony view", 10.0, Gradient(sizes[270:331], 30)),
        ("old", "spectrogram", 100.0, Gradient(np.ones(1), 0)),
    ]
    write_gradient_plot(curves, tmp_path / "a.png")
    with mpl.rc_context({"svg.fonttype": "none"}):
        write_gradient_plot(curves, tmp_path / "a.svg")
    assert (tmp_path / "a.png").stat().st_size > 10_000
    text = (tmp_path / "a.svg").read_text()
    for part in ("new: spectrogram", "new: harmony view", "old: spectrogram"):
        assert part in text


@given(stacks(layers=9))
def test_the_part_that_is_drawn_fits(settings: StackSettings) -> None:
    part = drawn_part(settings)
    assert part is not None
    assert part.convolutions <= MOST_ROWS
    assert part.field.frames <= MOST_DOTS
    assert part.dilations == settings.dilations[: part.convolutions]


def test_nothing_is_drawn_as_dots_if_not_one_layer_fits() -> None:
    assert drawn_part(StackSettings(kernel=101, layers=3)) is None


@given(stacks())
def test_the_frames_that_are_marked_are_the_receptive_field(settings: StackSettings) -> None:
    rows = seen(settings)
    assert rows[-1] == [0]
    assert (rows[0][0], rows[0][-1]) == (-settings.field.before, settings.field.after)
    assert len(rows) == settings.convolutions + 1
    assert growth(settings)[-1] == settings.field.frames


@pytest.mark.parametrize("name", ["a.jpg", "a", ".png", "png"])
def test_unknown_formats(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown picture format; use one of \.png, \.svg"):
        check_picture(tmp_path / name)


def test_without_matplotlib_the_message_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"drawing needs the package 'matplotlib'.*beattrack\[eval\]"):
        write_stack_plot(StackSettings(), tmp_path / "a.png", fps=100.0)
