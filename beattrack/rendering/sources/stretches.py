"""Functions for sources of existing music: tempo changes and excerpts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from beattrack.rendering.piece import OFFSET, ONSET, Part, Piece

_EARLY = 0.03  # seconds by which a note may start before its excerpt


def scaled(piece: Piece, factor: float) -> Piece:
    """Return a piece slowed down by a factor."""
    stretch = np.array([factor, factor, 1.0, 1.0])
    parts = tuple(replace(part, notes=part.notes * stretch) for part in piece.parts)
    return replace(piece, parts=parts, beats=piece.beats * factor)


def cut(part: Part, start: float, end: float) -> Part:
    """Return the notes of a part that start between two times in seconds; `start` becomes 0."""
    inside = (part.notes[:, ONSET] >= start - _EARLY) & (part.notes[:, ONSET] < end)
    notes = part.notes[inside].copy()
    notes[:, : OFFSET + 1] -= start
    notes[:, ONSET] = np.maximum(notes[:, ONSET], 0.0)
    notes[:, OFFSET] = np.clip(notes[:, OFFSET], notes[:, ONSET] + 0.02, end - start + 1.0)
    return replace(part, notes=notes)
