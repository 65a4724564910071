from __future__ import annotations

import pickle
import platform
from collections.abc import Callable

import pytest

from beattrack.cluster.errors import ClusterError
from beattrack.cluster.worker import work
from beattrack.version import __version__
from tests.worker_cases import Counting, make_nothing


def make_counting() -> Callable[[int], int]:
    return Counting()


def test_the_function_of_a_process_is_made_once() -> None:
    make = pickle.dumps(make_counting)
    first = work(__version__, make, pickle.dumps([7, 7]))
    second = work(__version__, make, pickle.dumps([7]))
    assert (first.results, second.results) == ([1, 2], [3])
    assert first.seconds >= 0
    assert first.python == platform.python_version()


def test_another_version_is_refused() -> None:
    with pytest.raises(
        ClusterError, match=rf"has beattrack {__version__}, but this is 9\.9; install the same"
    ):
        work("9.9", pickle.dumps(make_counting), pickle.dumps([1]))


def test_what_cannot_be_made_says_why() -> None:
    with pytest.raises(ClusterError, match="a worker cannot start: the lute needs the package 'gut'"):
        work(__version__, pickle.dumps(make_nothing), pickle.dumps([1]))
