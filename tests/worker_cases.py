"""Work for other processes: at the top of a module so that they can import it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from beattrack.cli.outputs import Job
from beattrack.errors import AudioError, MissingExtraError
from beattrack.result import Beats
from beattrack.runtime.files import atomic_path


def make_square() -> Callable[[int], tuple[int, int]]:
    """Squares numbers and tells the process; 13 kills it, 17 ends it."""

    def square(number: int) -> tuple[int, int]:
        if number == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 17:
            os._exit(3)
        return number * number, os.getpid()

    return square


def make_raising() -> Callable[[str], str]:
    def work(name: str) -> str:
        if name == "two":
            raise AudioError("two is bad")
        return name

    return work


def make_nothing() -> Callable[[int], None]:
    raise MissingExtraError("gut", "strings", "the lute")


def make_reading() -> Callable[[str], str]:
    return lambda name: os.environ.get(name, "unset")


def make_sleep() -> Callable[[Path], None]:
    """Leaves a file that it removes when it is ended."""

    def sleep(path: Path) -> None:
        try:
            path.touch()
            time.sleep(60)
        finally:
            path.unlink(missing_ok=True)

    return sleep


def make_track() -> Callable[[Job], Beats]:
    """Finds a beat in each file, of a name that tells what becomes of it; slow ones take their time."""

    def track(job: Job) -> Beats:
        if "killed" in job.source:
            os.kill(os.getpid(), signal.SIGKILL)
        if "bad" in job.source:
            raise AudioError(f"{job.source}: is bad")
        if "fault" in job.source:
            raise IndexError("list index out of range")
        if "slow" in job.source:
            time.sleep(0.3)
        return Beats(times=np.array([1.0]), positions=None, confidence=np.ones(1), duration=60.0)

    return track


class Counting:
    """Tells how many items this copy of it has seen."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, item: int) -> int:
        self.seen += 1
        return self.seen


def die_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def make_endless() -> Callable[[Path], None]:
    """Has a temporary file open while it computes for minutes in one call that Python cannot interrupt."""

    def compute(path: Path) -> None:
        with atomic_path(path) as temporary:
            temporary.touch()
            np.correlate(np.zeros(1_000_000), np.zeros(1_000_000), "full")

    return compute
