from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audio_cases import posix_only

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STORED = {"network": 2.0, "start": 1.0}

pytestmark = posix_only


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # which the script sets for good
    import guard

    yield guard
    del sys.modules["guard"], sys.modules["common"]


@pytest.mark.parametrize(
    ("network", "median", "slow"),
    [
        ([3.1], 3.1, []),
        ([3.3, 2.0, 2.1], 2.1, []),
        ([9.0, 3.0, 3.3], 3.3, ["network"]),
    ],
)
def test_one_busy_moment_does_not_fail_but_three_do(
    guard: object, network: list[float], median: float, slow: list[str]
) -> None:
    tries = iter(network)
    ratios, found = guard.check(lambda: {"network": next(tries), "start": 0.5}, STORED, 1.6)  # type: ignore[attr-defined]
    assert ratios == {"network": median, "start": 0.5}
    assert found == slow
    assert list(tries) == []


def test_every_stage_is_stored(guard: object) -> None:
    record = json.loads((BENCHMARKS / "guard.json").read_text())
    assert list(record["ratios"]) == list(guard.stages())  # type: ignore[attr-defined]
    assert 1 < record["factor"] < 2
