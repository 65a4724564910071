"""The second reading of a recording, for commands that track beats."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.decoding.base import Decoder
    from beattrack.result import Beats


def with_alternative(
    beats: Beats, activations: Activations, decoder: Decoder, given: Mapping[str, Any]
) -> Beats:
    """Return beats with their second reading, within the tempo range that was given.

    Args:
        beats: the first reading.
        activations: its activations.
        decoder: its decoder.
        given: the decoder options that were given; default ranges do not limit the second reading.
    """
    from beattrack.alternatives import second_reading

    limits = given.get("min_bpm"), given.get("max_bpm")
    return dataclasses.replace(beats, alternative=second_reading(beats, activations, decoder, limits=limits))
