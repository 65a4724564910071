"""The part of a model's graph that runs the body in phases (`network.body`): names of inputs and outputs.

The shallow blocks read `features` and return `shallow`. The deep blocks and the heads read it as `stream`, by
phase, and return `beats` and `downbeats`. If there is a tempo head, both also return the sums of their skip
outputs, `shallow_skips` and `deep_skips`, and the head reads the mean of all of them, `skips`.
"""

from __future__ import annotations

from beattrack.network.settings import NetworkSettings

STREAM, SKIPS, TEMPO = "stream", "skips", "tempo"
EVENTS = ("beats", "downbeats")


def body_inputs(network: NetworkSettings) -> dict[str, tuple[int, int, int]]:
    """Return the shapes of the inputs for one frame by name, but for `features`; none without phases."""
    if network.shallow_reach is None:
        return {}
    names = (STREAM, SKIPS) if network.tempo_bins else (STREAM,)
    return dict.fromkeys(names, (1, network.output_channels, 1))


def shallow_outputs(network: NetworkSettings) -> list[str]:
    """Return the names of the outputs of the shallow blocks."""
    return ["shallow", "shallow_skips"] if network.tempo_bins else ["shallow"]


def deep_outputs(network: NetworkSettings) -> list[str]:
    """Return the names of the outputs of the deep blocks and the heads."""
    return [*EVENTS, "deep_skips"] if network.tempo_bins else [*EVENTS]
