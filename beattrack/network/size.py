"""The number of parameters of a network, without the memory for them."""

from __future__ import annotations

import torch

from beattrack.network.model import BeatNetwork
from beattrack.network.settings import NetworkSettings


def parameter_count(settings: NetworkSettings) -> int:
    """Return the number of trainable parameters of a network with these settings."""
    with torch.device("meta"):
        return BeatNetwork(settings).parameter_count()
