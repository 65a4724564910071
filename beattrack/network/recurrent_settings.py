"""Settings of a recurrent network as the middle part of the network, instead of a TCN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from beattrack.runtime import checks

RecurrentKind = Literal["gru", "lstm"]


@dataclass(frozen=True, kw_only=True)
class RecurrentSettings:
    """A recurrent network: LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014).

    Attributes:
        kind: kind of the cells.
        hidden: cells of each layer and direction.
        layers: layers, each of which reads the output of the one before.
        bidirectional: whether each layer also runs from the end to the start; if not, the network is causal.
        dropout: dropout rate between the layers and before the heads.

    Raises:
        SettingsError: if a value is out of range.
    """

    kind: RecurrentKind = "lstm"
    hidden: int = 64
    layers: int = 2
    bidirectional: bool = False
    dropout: float = 0.1

    def __post_init__(self) -> None:
        count = checks.positive(whole=True)
        checks.apply(
            self,
            {
                "kind": checks.choice(get_args(RecurrentKind)),
                **dict.fromkeys(("hidden", "layers"), count),
                "bidirectional": checks.flag(),
                "dropout": checks.between(0, 1, high_open=True),
            },
        )

    @property
    def channels(self) -> int:
        """Features per frame of the output: the cells of the last layer in both directions."""
        return self.hidden * (2 if self.bidirectional else 1)

    @property
    def states(self) -> int:
        """Number of tensors that a layer remembers from frame to frame."""
        return 2 if self.kind == "lstm" else 1
