"""Bytes of any origin end in a result or in one sentence, never in anything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz import seeds, targets
from tests.fuzz.damage import damaged, many

Target = Callable[[bytes], bool]
SEEDS: list[tuple[Target, bytes]] = [
    *((targets.audio, seeds.sound(kind)) for kind in seeds.SOUNDS),
    (targets.result_record, seeds.record()),
    (targets.result_record, seeds.settings()),
    (targets.result_record, seeds.card()),
    (targets.activations, seeds.saved_activations()),
]


@pytest.fixture(autouse=True)
def _libsndfile_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of ffmpeg for each try would take too long."""
    monkeypatch.setattr(shutil, "which", lambda name: None)


def test_the_seeds_are_what_they_are_named() -> None:
    for target, data in SEEDS:
        if target in (targets.audio, targets.activations):
            assert target(data), data[:20]
    assert targets.result_record(seeds.record())


@pytest.mark.parametrize(("target", "seed"), SEEDS)
@settings(many, max_examples=60)
@given(data=st.data())
def test_damaged_files(target: Target, seed: bytes, data: st.DataObject) -> None:
    target(data.draw(damaged(seed)))


@pytest.mark.parametrize("target", [targets.audio, targets.result_record, targets.activations])
@many
@given(data=st.binary(max_size=300))
@example(data=b"[" * 100_000)
@example(data=b'{"beats": ' + b"[" * 100_000)
@example(data=b'{"beats": [1], "tempo": ' + b"9" * 5000 + b"}")
@example(data=b'{"beats": [' + b"9" * 400 + b"]}")
@example(data=b"1e308\n1e309\n")
@example(data=b'"' * 200_000)
def test_any_bytes(target: Target, data: bytes) -> None:
    target(data)


@many
@given(values=st.lists(st.floats(width=32), max_size=400), pulse=st.integers(0, 60))
def test_any_numbers_as_activations(values: list[float], pulse: int) -> None:
    array = np.array(values, np.float32)
    if pulse:
        array[::pulse] = 1.0
    targets.numbers(array.tobytes())
