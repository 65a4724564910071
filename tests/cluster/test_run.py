from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from beattrack.cluster.errors import ClusterError
from beattrack.cluster.run import _Run, run
from beattrack.cluster.worker import Reply
from beattrack.errors import AudioError
from tests.audio_cases import posix_only
from tests.worker_cases import make_raising, make_square

distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster within this process: starts at once, but its workers cannot die."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def outcomes(
    client: Any, make: Callable[[], Any], items: list[Any], **settings: Any
) -> list[tuple[int, Any]]:
    given = {"weights": [1.0] * len(items), "retries": 2, "died": lambda tries: f"died {tries}", **settings}
    return sorted(run(client, make, items, **given))


def test_every_item_has_its_result_once(client: Any) -> None:
    found = outcomes(client, make_square, [*range(100, 400)])
    assert [(index, result[0]) for index, result in found] == [(i, (100 + i) ** 2) for i in range(300)]
    assert outcomes(client, make_square, []) == []


def test_errors_of_a_worker_are_raised_here(client: Any) -> None:
    with pytest.raises(AudioError, match="two is bad"):
        outcomes(client, make_raising, ["one", "two", "three"])


def test_a_run_that_is_left_cancels_its_work(client: Any) -> None:
    found = run(
        client, make_square, [*range(20, 50)], weights=[1.0] * 30, retries=0, died=lambda tries: (0, 0)
    )
    index, (square, _) = next(found)  # of any chunk that was first sent, whichever is finished first
    assert square == (20 + index) ** 2
    found.close()
    assert len(outcomes(client, make_square, [1, 2])) == 2


def test_a_run_that_is_left_after_its_client_was_closed_does_not_wait_for_it(client: Any) -> None:
    with distributed.Client(client.cluster, set_as_default=False) as another:
        found = run(
            another, make_square, [*range(50)], weights=[1.0] * 50, retries=0, died=lambda tries: (0, 0)
        )
        next(found)
    found.close()


class Deaths:
    """A run of which each chunk's answer is chosen."""

    def __init__(self, items: int, retries: int) -> None:
        self.run: Any = _Run(
            None, make_square, range(items), [1.0] * items, retries, lambda tries: ("died", tries), print
        )

    def lose(self, chunk: list[int]) -> list[tuple[int, Any]]:
        killed = distributed.KilledWorker("task", None, 0)
        return list(self.run._outcomes(chunk, killed))


def test_items_of_a_lost_chunk_are_tried_again_one_by_one_and_at_last_alone() -> None:
    deaths = Deaths(3, retries=2)
    assert deaths.run._next() == [0]
    deaths.run._sent = {"another": [2]}
    assert deaths.lose([0, 1]) == []
    assert [deaths.run._next(), deaths.run._next()] == [[0], [1]]
    assert deaths.lose([0]) == []
    assert deaths.run._next() == [1]  # not 0, while others run
    deaths.run._sent = {"another": [2]}
    assert not deaths.run._chunks or deaths.run._next() == [2]
    assert deaths.run._next() == []
    deaths.run._sent = {}
    assert deaths.run._next() == [0]
    assert deaths.lose([0]) == [(0, ("died", 3))]


def test_without_retries_a_lost_item_has_failed() -> None:
    assert Deaths(2, retries=0).lose([0, 1]) == [(0, ("died", 1)), (1, ("died", 1))]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModuleNotFoundError("No module named 'beattrack'"), "install beattrack in its environment"),
        (distributed.client.FutureCancelledError("key", "scheduler-connection-lost"), "scheduler was lost"),
        (ClusterError("a worker has beattrack 2"), "a worker has beattrack 2"),
        (ConnectionError("reset"), "scheduler was lost"),
        (RuntimeError("odd\nthing"), r"could not do the work \(RuntimeError: odd thing\)"),
    ],
)
def test_what_ends_a_run_is_explained(error: Exception, says: str) -> None:
    with pytest.raises(ClusterError, match=says):
        list(Deaths(1, 0).run._outcomes([0], error))


def test_another_python_is_told_once() -> None:
    told: list[str] = []
    deaths = Deaths(4, 0)
    deaths.run._tell = told.append
    for index in range(3):
        assert list(deaths.run._outcomes([index], Reply([index], 0.1, "3.7.1"))) == [(index, index)]
    (line,) = told
    assert line.startswith("warning: the workers have Python 3.7.1, but this is ")


@pytest.mark.slow
@posix_only
def test_items_that_kill_their_worker_fail_alone() -> None:
    from beattrack.cluster.connect import connected

    with connected("local", workers=2) as client:
        found = dict(outcomes(client, make_square, [*range(40)], retries=1))
    assert sorted(found) == list(range(40))
    assert {index: found[index] for index in (13, 17)} == {13: "died 2", 17: "died 2"}
    others = [found[index] for index in found if index not in (13, 17)]
    assert [square for square, _ in others] == [i * i for i in range(40) if i not in (13, 17)]
