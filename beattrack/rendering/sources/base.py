"""The interface of sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from beattrack.rendering.piece import Piece


class PieceSource(Protocol):
    """A source of pieces. All random numbers come from the generator passed in."""

    def check(self) -> None:
        """Check that the programs, packages and archives that `draw` needs are present.

        Raises:
            RenderError: if a program or an archive is missing.
            MissingExtraError: if a package is missing.
        """
        ...

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random piece.

        Args:
            rng: generator of random numbers.
            seconds: approximate duration; the piece may be an excerpt of a longer work.

        Raises:
            RejectedPiece: if the drawn piece cannot be used; draw another.
        """
        ...


SourceFactory = Callable[[Path | None], PieceSource]
"""Returns a source, given the folder of the archives (None: not given)."""
