"""Recurrent networks, LSTM and GRU, in the place of the TCN.

A recurrent network reads one frame after the other and remembers what it needs in its states, so it sees all
frames before, or with two directions all frames, but cannot compute them at the same time.

Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 1997; Cho et al., arXiv 1406.1078.
Böck & Schedl, "Enhanced Beat Tracking with Context-Aware Neural Networks", DAFx 2011.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from beattrack.network.recurrent_settings import RecurrentKind, RecurrentSettings

CELLS: dict[RecurrentKind, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """Layers of LSTM or GRU cells, with states of zero before the first frame.

    Input: (batch, inputs, frames). Output: (batch, channels of the settings, frames).
    """

    def __init__(self, settings: RecurrentSettings, inputs: int) -> None:
        super().__init__()
        self.settings = settings
        self.cells = CELLS[settings.kind](
            inputs,
            settings.hidden,
            settings.layers,
            batch_first=True,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout if settings.layers > 1 else 0.0,
        )

    def forward(self, features: Tensor) -> Tensor:
        """Run all layers over all frames."""
        stream, _ = self.cells(features.transpose(1, 2))
        out: Tensor = stream.transpose(1, 2)
        return out

    def step(self, features: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run all layers on one frame of a causal network.

        Args:
            features: shape (1, inputs).
            states: the states after the frame before, (layers, 1, hidden) each: the hidden state and, in an
                LSTM, the cell state.

        Returns:
            The output, (1, channels), and the states after this frame.
        """
        before = tuple(states) if len(states) > 1 else states[0]
        stream, after = self.cells(features.unsqueeze(1), before)
        return stream.squeeze(1), [after] if isinstance(after, torch.Tensor) else list(after)
