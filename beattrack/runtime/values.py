"""Records that hold arrays, compared by value."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


class ComparedByValue:
    """Base of dataclasses (`eq=False`) with arrays: equal if all their fields are, NaN being equal to NaN.

    Their hash is made of all but the elements of arrays, which may change.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(mine, theirs) for mine, theirs in zip(_values(self), _values(other), strict=True))

    def __hash__(self) -> int:
        return hash(tuple(_hashable(value) for value in _values(self)))


def same(one: object, other: object) -> bool:
    """Tell whether two values are equal, arrays of numbers if their shapes and all their elements are."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    return bool(one == other)


def _values(record: Any) -> list[Any]:
    return [getattr(record, field.name) for field in fields(record)]


def _hashable(value: Any) -> Any:
    return value.shape if isinstance(value, np.ndarray) else value
