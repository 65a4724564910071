"""What every source of pieces offers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from beattrack.rendering.piece import Piece


class PieceSource(Protocol):
    """A supply of pieces; everything random comes from the generator passed in."""

    def check(self) -> None:
        """Raise RenderError, in one sentence, where a program or an archive that `draw` needs is missing."""
        ...

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """One piece of about `seconds`, which may start at the middle of a longer work.

        Raises RejectedPiece where what was drawn is unusable: draw again.
        """
        ...


SourceFactory = Callable[[Path | None], PieceSource]
"""Makes a source from the folder of the symbolic archives (None: not given)."""
