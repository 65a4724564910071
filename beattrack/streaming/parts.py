"""What a network and a decoder must offer to follow a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beattrack.fourier import Float32
from beattrack.network.model_settings import ModelSettings

if TYPE_CHECKING:
    from beattrack.decoding.online import OnlineBeat, OnlineState


class CausalNetwork(Protocol):
    """A network that reads frames as they come; see `beattrack.network.streaming`."""

    settings: ModelSettings

    @property
    def look_ahead(self) -> int:
        """Frames by which the output is late."""

    def process(self, spectrogram: Float32, harmony: Float32, /) -> tuple[Float32, Float32]:
        """Return the activations of beats and downbeats that the next frames allow."""

    def finish(self, harmony: Float32, /) -> tuple[Float32, Float32]:
        """Take the last frames of the harmony view, and return the rest of the activations."""

    def reset(self) -> None:
        """Return to the state before the first frame."""


class Decoding(Protocol):
    """A decoder that reads activations as they come; see `beattrack.decoding.online`."""

    @property
    def state(self) -> OnlineState:
        """What is known after the last frame."""

    def process(self, beats: Float32, downbeats: Float32, /) -> list[OnlineBeat]:
        """Return the beats that the next activations report."""

    def reset(self) -> None:
        """Return to the state before the first frame."""
