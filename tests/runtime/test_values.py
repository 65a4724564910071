from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.decoding.base import Decoding
from beattrack.runtime.values import ComparedByValue, same


def activations(**changes: object) -> Activations:
    values = {"beats": np.array([0.1, 0.9, np.nan]), "downbeats": np.zeros(3, np.float32), "fps": 100.0}
    return Activations(**{**values, **changes})  # type: ignore[arg-type]


def decoding(**changes: object) -> Decoding:
    values = {"times": np.array([0.5, 1.0]), "positions": np.array([1, 2]), "log_probability": -3.0}
    return Decoding(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [activations, decoding])
def test_records_with_arrays_are_values(make: type) -> None:
    record = make()
    for other in (make(), copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert (record == other) is True
        assert (record != other) is False
        assert hash(record) == hash(other)
        assert other in [record]
        assert {record: 1}[other] == 1


@pytest.mark.parametrize(
    "other",
    [
        activations(beats=np.array([0.1, 0.8, np.nan])),
        activations(downbeats=None),
        activations(beats=np.zeros(0), downbeats=np.zeros(0)),
        activations(fps=50.0),
        activations(tempo=np.ones(3)),
        decoding(),
        None,
        1,
    ],
)
def test_other_records_are_others(other: object) -> None:
    assert activations() != other
    assert other != activations()


def test_decodings_differ_in_any_field() -> None:
    assert decoding() != decoding(positions=None)
    assert decoding() != decoding(times=np.array([0.5, 1.1]))
    assert decoding() != decoding(log_probability=None)
    assert decoding() != decoding(beats_per_bar=4)


def test_the_type_of_numbers_does_not_matter_but_their_shape_does() -> None:
    assert activations(downbeats=np.zeros(3)) == activations(downbeats=np.zeros(3, np.float16))
    assert same(np.array([1, 2]), np.array([1.0, 2.0]))
    assert not same(np.array([1, 2]), np.array([[1, 2]]))
    assert not same(np.array([1]), 1)


def test_a_hash_survives_a_change_of_the_elements() -> None:
    record = activations()
    known = {record}
    record.beats[0] = 0.5
    assert record in known


@dataclass(frozen=True, eq=False)
class Pair(ComparedByValue):
    left: object
    right: object


@dataclass(frozen=True, eq=False)
class Twin(Pair):
    pass


def test_records_of_different_classes_are_never_equal() -> None:
    assert Pair(1, 2) == Pair(1, 2)
    assert Pair(1, 2) != Twin(1, 2)
