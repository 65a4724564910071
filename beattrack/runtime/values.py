"""Dataclasses with arrays, compared by value."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


class ComparedByValue:
    """Base class of dataclasses (`eq=False`) with arrays, equal if all fields are equal; NaN equals NaN.

    The hash includes the shapes of arrays but not their elements, which may change.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(mine, theirs) for mine, theirs in zip(_values(self), _values(other), strict=True))

    def __hash__(self) -> int:
        return hash(tuple(_hashable(value) for value in _values(self)))


def same(one: object, other: object) -> bool:
    """Return whether two values are equal; arrays are equal if their shapes and all elements are."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    return bool(one == other)


def _values(record: Any) -> list[Any]:
    return [getattr(record, field.name) for field in fields(record)]


def _hashable(value: Any) -> Any:
    return value.shape if isinstance(value, np.ndarray) else value
