from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.errors import SettingsError
from beattrack.network.model_settings import ModelSettings
from beattrack.network.receptive_field import (
    Gradient,
    ReceptiveField,
    StackSettings,
    harmony_field,
    model_stages,
    shortened,
)
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings
from beattrack.registry import find


@st.composite
def stacks(draw: st.DrawFn, *, layers: int = 4) -> StackSettings:
    causal = draw(st.booleans())
    return StackSettings(
        kernel=draw(st.integers(2, 6) if causal else st.sampled_from([3, 5, 7])),
        layers=draw(st.integers(1, layers)),
        dilation=draw(st.integers(1, 4)),
        stacks=draw(st.integers(1, 2)),
        first_undilated=draw(st.booleans()),
        causal=causal,
    )


@pytest.mark.parametrize(("layers", "frames"), [(4, 33), (11, 4097)])
def test_the_lecture_counts_one_undilated_layer_before_the_dilated_ones(layers: int, frames: int) -> None:
    assert StackSettings(layers=layers, first_undilated=True).field.frames == frames


def test_the_plain_cnn_of_the_lecture_has_eleven_layers() -> None:
    assert StackSettings(layers=11, dilation=1).field.frames == 23
    assert StackSettings(layers=11).plain().field.frames == 23
    assert StackSettings(layers=11, first_undilated=True).plain().field.frames == 25


def test_no_other_reading_of_the_lecture_gives_all_of_its_numbers() -> None:
    # By kernel, undilated layer or not, whether it counts as a layer, first exponent, convolutions per layer.
    found = set()
    for kernel in range(2, 10):
        for undilated in (False, True):
            for counted in {False, undilated}:
                for exponent in (0, 1):
                    for convolutions in (1, 2):

                        def frames(layers: int) -> int:
                            dilations = [2 ** (i + exponent) for i in range(layers - counted)]  # noqa: B023
                            return 1 + (kernel - 1) * (undilated + convolutions * sum(dilations))  # noqa: B023

                        plain = 1 + (kernel - 1) * convolutions * 11
                        if (frames(4), frames(11), plain) == (33, 4097, 23):
                            found.add((kernel, undilated, counted, exponent, convolutions))
    assert found == {(3, True, False, 0, 1)}


@given(stacks())
def test_the_formula_counts_the_frames_that_the_taps_reach(settings: StackSettings) -> None:
    last = settings.kernel - 1 if settings.causal else settings.kernel // 2
    reached = {0}
    for dilation in settings.dilations:
        reached = {frame + (tap - last) * dilation for frame in reached for tap in range(settings.kernel)}
    assert ReceptiveField(-min(reached), max(reached)) == settings.field
    assert settings.has_gaps == (len(reached) < settings.field.frames)


@given(stacks())
def test_each_step_of_the_written_formula_is_true(settings: StackSettings) -> None:
    *steps, frames = settings.formula.split(" = ")
    assert int(frames) == settings.field.frames
    for step in steps:
        assert "..." in step or eval(step) == settings.field.frames


@given(stacks())
def test_cost_and_plain_networks(settings: StackSettings) -> None:
    assert settings.convolutions == len(settings.dilations)
    assert settings.taps == settings.kernel * len(settings.dilations)
    plain = settings.plain()
    assert (plain.taps, set(plain.dilations)) == (settings.taps, {1})
    assert plain.field.frames <= settings.field.frames
    assert settings.plain(settings.plain_equivalent).field == settings.field


@given(stacks())
def test_one_more_layer_multiplies_the_field_but_adds_the_same_cost(settings: StackSettings) -> None:
    deeper = replace(settings, layers=settings.layers + 1)
    assert deeper.taps - settings.taps == settings.kernel * settings.stacks
    added = settings.dilation**settings.layers * (settings.kernel - 1) * settings.stacks
    assert deeper.field.frames - settings.field.frames == added


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kernel": 0}, "kernel must be at least 2"),
        ({"kernel": 1}, "kernel must be at least 2"),
        ({"kernel": 4}, "kernel must be odd unless the stack is causal"),
        ({"layers": 0}, "layers must be a positive whole number"),
        ({"layers": 2.5}, "layers must be a whole number"),
        ({"dilation": 0}, "dilation must be a positive whole number"),
        ({"stacks": -1}, "stacks must be a positive whole number"),
        ({"causal": 1}, "causal must be True or False"),
        ({"layers": 60}, r"exceeds 2 \*\* 53 frames"),
        ({"layers": 100_000}, r"exceeds 2 \*\* 53 frames"),
        ({"dilation": 10**300}, r"exceeds 2 \*\* 53 frames"),
        ({"kernel": 10**16 + 1, "layers": 1}, r"exceeds 2 \*\* 53 frames"),
        ({"layers": 10**9, "dilation": 1}, "at most 100000 convolutions"),
        ({"layers": 10, "stacks": 10**6}, "at most 100000 convolutions"),
    ],
)
def test_wrong_stacks(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        StackSettings(**wrong)  # type: ignore[arg-type]


def test_the_stages_of_a_network_are_those_of_its_settings() -> None:
    for tcn in (TCNSettings(), TCNSettings(causal=True, kernel=4, dilations=(1, 3)), TCNSettings(kernel=3)):
        settings = ModelSettings.of(NetworkSettings(tcn=tcn, tempo_bins=0))
        front_end, stack, both = model_stages(settings)
        assert front_end.field.frames == settings.network.front_end.receptive_field
        assert stack.field.frames == tcn.receptive_field
        assert both.field.frames == settings.network.receptive_field
        assert (stack.field.after == 0) == tcn.causal


@pytest.mark.parametrize("delay", [None, 16])
@pytest.mark.parametrize("lags", [(2, 16), (1,)])
@pytest.mark.parametrize("parts", [{}, {"learned": False}, {"novelty": False}])
def test_the_sides_of_the_harmony_path_add_up(
    delay: int | None, lags: tuple[int, ...], parts: dict[str, bool]
) -> None:
    settings = HarmonyPathSettings(delay=delay, lags=lags, **parts)  # type: ignore[arg-type]
    field = harmony_field(settings)
    if parts != {"learned": False} or lags != (1,):
        assert field.frames == settings.receptive_field
    assert field.after == 0 or delay is None


def test_the_stages_of_the_shipped_model() -> None:
    from beattrack.network.inference import load_network

    model = find("tcn")
    assert model.card is not None
    stages = {stage.name: stage for stage in model_stages(load_network(model.path).settings)}
    assert stages["front-end + TCN"].field.frames == model.card.receptive_field_frames
    assert stages["harmony path + TCN"].field == ReceptiveField(836, 835)


def test_look_ahead_moves_the_field_of_the_front_end() -> None:
    network = NetworkSettings(tcn=TCNSettings(causal=True), tempo_bins=0, look_ahead=2)
    assert model_stages(ModelSettings.of(network))[0].field == ReceptiveField(2, 2)
    other = replace(network, look_ahead=None)
    assert model_stages(ModelSettings.of(other))[0].field == ReceptiveField(4, 0)


def test_slow_frames_around_an_output() -> None:
    # Interpolation reads the slow frames on both sides of a fast one; a held frame comes from the past.
    tcn = TCNSettings(channels=48, kernel=3, dilations=(1, 4), parallel_pair=False)
    path = HarmonyPathSettings(learned=False, lags=(1,))
    both = model_stages(ModelSettings.of(NetworkSettings(tcn=tcn, harmony=path)))[4]
    assert both.field == ReceptiveField(1 + 2, 1 + 1)  # 5 frames each way are half a slow frame
    causal = replace(tcn, causal=True)
    held = NetworkSettings(
        front_end=FrontEndSettings(), tcn=causal, tempo_bins=0, harmony=replace(path, delay=20)
    )
    assert model_stages(ModelSettings.of(held))[4].field == ReceptiveField(3 + 3, -2)


def test_shares_of_a_gradient() -> None:
    gradient = Gradient(np.array([0.0, 1.0, 2.0, 4.0, 0.0, 1.0, 0.0]), 3)
    assert gradient.field == ReceptiveField(2, 2)
    assert [gradient.share_within(distance) for distance in (0, 1, 2, 9)] == [0.5, 0.75, 1.0, 1.0]
    assert not gradient.is_zero
    assert gradient.reached == 4
    assert Gradient(np.zeros(3), 1).is_zero


def test_long_sums_are_shortened_in_the_middle() -> None:
    assert shortened((1, 2, 4), " + ") == "1 + 2 + 4"
    assert shortened(tuple(range(6)), ", ") == "0, 1, 2, 3, 4, 5"
    assert shortened(tuple(range(9)), ", ") == "0, 1, 2, 3, ..., 8"
