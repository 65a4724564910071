from __future__ import annotations

from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings
from beattrack.network.step_graph import map_names, step_output_names, step_shapes

CAUSAL = NetworkSettings(tcn=TCNSettings(dilations=(1, 8), causal=True), tempo_bins=0)


def test_inputs_are_the_frame_and_what_the_taps_see() -> None:
    assert step_shapes(CAUSAL) == {
        "frame": (1, 1, 73),
        "maps_0": (1, 1, 2, 73),
        "maps_1": (1, 32, 2, 5),
        "past_0": (1, 8, 32),
        "past_1": (1, 8, 32),
    }


def test_outputs_are_what_later_frames_need() -> None:
    assert map_names(CAUSAL) == ["map_0", "map_1"]
    assert step_output_names(CAUSAL) == [
        "step_beats",
        "step_downbeats",
        "map_0",
        "map_1",
        "input_0",
        "input_1",
    ]


def test_harmony_comes_as_features() -> None:
    network = NetworkSettings(
        front_end=FrontEndSettings(channels=30),
        tcn=TCNSettings(channels=33, causal=True),
        harmony=HarmonyPathSettings(channels=3, delay=17),
        tempo_bins=0,
    )
    assert step_shapes(network)["slow"] == (1, 3)


def test_each_memory_of_the_tcn_is_an_input_and_an_output() -> None:
    tcn = TCNSettings(dilations=(1, 8), causal=True, parallel_pair=False, convolutions=2, kernel=2, stacks=2)
    network = NetworkSettings(tcn=tcn, tempo_bins=0)
    names = [f"past_{i}" for i in range(8)]
    assert [name for name in step_shapes(network) if name.startswith("past")] == names
    assert {step_shapes(network)[name] for name in names} == {(1, 1, 32)}
    assert step_output_names(network)[-8:] == [f"input_{i}" for i in range(8)]
