"""Beat grids: the constant tempi that the beats of a recording follow.

`lines` fits one tempo to beats, `segments` divides beats of several tempi into pieces, `fit` decides whether
a recording has a grid, and `snap` puts its beats on it.
"""

from beattrack.gridding.base import Grid, GridPiece

__all__ = ["Grid", "GridPiece"]
