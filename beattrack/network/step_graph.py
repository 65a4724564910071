"""The part of a causal model's graph that runs one frame: names and shapes of its inputs and outputs.

`frame`, a frame of the spectrogram over the running level, and `slow`, the features of the harmony path, are
the new input. `maps_*` and `past_*` are earlier inputs of the convolutions of the front-end and of the TCN
(`TCNSettings.memories`); `map_*` and `input_*` are those of this frame, which later frames need. In recurrent
networks, `past_*` are the states after the frame before, and `input_*` those after this one.
"""

from __future__ import annotations

from beattrack.network.settings import NetworkSettings

Shape = tuple[int, ...]

BEATS, DOWNBEATS = "step_beats", "step_downbeats"


def step_shapes(network: NetworkSettings) -> dict[str, Shape]:
    """Return the shapes of the inputs by name, in order."""
    shapes: dict[str, Shape] = {"frame": (1, 1, network.front_end.bands)}
    if network.harmony is not None:
        shapes["slow"] = (1, network.harmony.channels)
    maps = {f"maps_{i}": (1, *shape) for i, shape in enumerate(network.front_end.past_maps)}
    return {**shapes, **maps, **{f"past_{i}": shape for i, shape in enumerate(_past_shapes(network))}}


def _past_shapes(network: NetworkSettings) -> list[Shape]:
    """Return the shapes of what a TCN remembers, or of the states of a recurrent network."""
    if network.recurrent is not None:
        return [(network.recurrent.layers, 1, network.recurrent.hidden)] * network.recurrent.states
    if network.tcn is None:
        return []
    return [(1, len(taps), network.tcn.channels) for taps in network.tcn.memories]


def map_names(network: NetworkSettings) -> list[str]:
    """Return the names of the outputs that later frames need as `maps_*`."""
    return [f"map_{i}" for i in range(len(network.front_end.past_maps))]


def step_output_names(network: NetworkSettings) -> list[str]:
    """Return the names of the outputs, in order."""
    return list(step_output_shapes(network))


def step_output_shapes(network: NetworkSettings) -> dict[str, Shape]:
    """Return the shapes of the outputs by name, in order."""
    maps = [(1, inputs, 1, bands) for inputs, _, bands in network.front_end.past_maps]
    after = _past_shapes(network)
    if network.recurrent is None:  # a TCN remembers one more frame
        after = [(1, network.output_channels)] * len(after)
    return {
        BEATS: (1, 1),
        DOWNBEATS: (1, 1),
        **dict(zip(map_names(network), maps, strict=True)),
        **{f"input_{i}": shape for i, shape in enumerate(after)},
    }
