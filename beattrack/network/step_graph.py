"""The part of a causal model's graph that runs one frame: names and shapes of its inputs and outputs.

`frame`, a frame of the spectrogram over the running level, and `slow`, the features of the harmony path, are
the new input. `maps_*` and `past_*` are earlier inputs of the convolutions of the front-end and of the TCN
(`TCNSettings.memories`); `map_*` and `input_*` are those of this frame, which later frames need.
"""

from __future__ import annotations

from beattrack.network.settings import NetworkSettings

Shape = tuple[int, ...]

BEATS, DOWNBEATS = "step_beats", "step_downbeats"


def step_shapes(network: NetworkSettings) -> dict[str, Shape]:
    """Return the shapes of the inputs by name, in order."""
    tcn = network.tcn
    shapes: dict[str, Shape] = {"frame": (1, 1, network.front_end.bands)}
    if network.harmony is not None:
        shapes["slow"] = (1, network.harmony.channels)
    maps = {f"maps_{i}": (1, *shape) for i, shape in enumerate(network.front_end.past_maps)}
    pasts = {f"past_{i}": (1, len(taps), tcn.channels) for i, taps in enumerate(tcn.memories)}
    return {**shapes, **maps, **pasts}


def map_names(network: NetworkSettings) -> list[str]:
    """Return the names of the outputs that later frames need as `maps_*`."""
    return [f"map_{i}" for i in range(len(network.front_end.past_maps))]


def step_output_names(network: NetworkSettings) -> list[str]:
    """Return the names of the outputs, in order."""
    inputs = [f"input_{i}" for i in range(len(network.tcn.memories))]
    return [BEATS, DOWNBEATS, *map_names(network), *inputs]
