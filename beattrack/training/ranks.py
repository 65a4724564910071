"""The processes ("ranks") of a run on several devices: what they add up, agree on, and do if one is lost.

Each rank trains on its share of every batch. The functions here do nothing if there is only one rank.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

import click
import lightning
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from torch import Tensor, distributed

from beattrack.runtime.files import remove_temporaries
from beattrack.training.errors import RankLostError, SharedError

POLL_SECONDS = 0.1
UNWIND_SECONDS = 10.0  # that a process has to end by itself after another one is lost
EXIT_FAILURE = 1
# What torch's backends say if the connection to another process breaks; most raise a plain RuntimeError.
_BROKEN = ("gloo", "nccl", "connection closed", "connection reset", "connection refused", "broken pipe")


def is_first_process() -> bool:
    """Return whether this is the process of a run that writes files and prints."""
    # Started by hand on each machine, the first process of a machine learns its rank only later.
    return not getattr(rank_zero_only, "rank", None) and os.environ.get("NODE_RANK", "0") == "0"


def rank() -> int:
    """Return the number of this process in the run, from 0."""
    return int(getattr(rank_zero_only, "rank", None) or 0)


def count() -> int:
    """Return the number of processes of the run that are connected."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def total(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over all ranks."""
    if count() == 1:
        return tensor
    summed = tensor.detach().clone()
    distributed.all_reduce(summed)
    return summed


def highest(number: int, device: torch.device) -> int:
    """Return the largest of a number over all ranks."""
    if count() == 1:
        return number
    shared = torch.tensor(number, device=device)
    distributed.all_reduce(shared, op=distributed.ReduceOp.MAX)
    return int(shared)


class Agreement(lightning.Callback):
    """Check that all ranks are about to train on the same, before the first step.

    Args:
        facts: what must be equal on all ranks, by its name in the message.
    """

    def __init__(self, facts: Mapping[str, str]) -> None:
        self._facts = dict(facts)

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare the facts of all ranks.

        Raises:
            SharedError: if they differ.
        """
        if count() == 1:
            return
        everyone: list[Any] = [None] * count()
        distributed.all_gather_object(everyone, self._facts)
        for number, theirs in enumerate(everyone):
            for name, value in everyone[0].items():
                if theirs.get(name) != value:
                    raise SharedError(
                        f"rank {number} of the run has another {name} than rank 0; give the same command on "
                        "every machine, and put the run folder and the data where all of them can read it"
                    )


class ChildWatch:
    """A watch on the processes that Lightning started on this machine.

    If one fails, this process has `UNWIND_SECONDS` to end by itself, as it usually does since the connection
    breaks, and is ended if it hangs. At the end of the block no child is left.

    Args:
        trainer: trainer that starts the processes.
        sentence: returns what to print for the description of a lost process.
    """

    def __init__(self, trainer: lightning.Trainer, sentence: Callable[[str], str]) -> None:
        launcher: Any = trainer.strategy.launcher
        # On Slurm and under torchrun, others start the processes and watch them.
        outside = getattr(
            getattr(launcher, "cluster_environment", None), "creates_processes_externally", True
        )
        self._launcher = None if outside else launcher
        self._expected = 0 if outside else launcher.num_processes - 1
        self._sentence = sentence
        self._children: list[subprocess.Popen[bytes]] = []
        self._lost: str | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ChildWatch:
        if self._expected:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._expected:
            self._done.set()
            self._thread.join()
            self._adopt()
            _end(self._children, patience=UNWIND_SECONDS if kind is None else 2.0)

    def lost(self, *, patience: float = 3.0) -> str | None:
        """Return which process was lost and how, waiting a while for the news; None if none was."""
        give_up = time.monotonic() + patience
        while self._expected and self._lost is None and time.monotonic() < give_up:
            time.sleep(POLL_SECONDS)
        return self._lost

    def _adopt(self) -> None:
        """Take over Lightning's list of processes, whose watch would end this process without a word."""
        started = self._launcher.procs if self._launcher is not None else []
        if len(started) == self._expected and not self._children:
            self._children = list(started)
            started.clear()

    def _run(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            self._adopt()
            for number, child in enumerate(self._children, 1):
                if child.poll():
                    self._lost = f"rank {number} {how_it_ended(child.returncode)}"
                    if not self._done.wait(UNWIND_SECONDS):
                        self._end_here()
                    return

    def _end_here(self) -> None:
        try:
            click.echo(f"beattrack: {self._sentence(self._lost or '')}", err=True)
            _end(self._children, patience=0)
            _leave()
        finally:
            os._exit(EXIT_FAILURE)


def how_it_ended(code: int) -> str:
    """Return how a process ended, from its exit code as Python gives it: negative for a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def is_broken_connection(error: Exception) -> bool:
    """Return whether an error of torch means that the connection to another rank broke."""
    kinds = tuple(
        getattr(distributed, name)
        for name in ("DistBackendError", "DistNetworkError", "DistStoreError", "DistError")
        if hasattr(distributed, name)
    )
    said = str(error).lower()
    return count() > 1 and (isinstance(error, kinds) or any(sign in said for sign in _BROKEN))


def translate(error: RuntimeError, watch: ChildWatch, sentence: Callable[[str], str]) -> None:
    """Raise RankLostError if another rank was lost; otherwise return.

    Args:
        error: error of torch.
        watch: watch on the processes of the run.
        sentence: returns the message for the description of a lost process.
    """
    broken = is_broken_connection(error)
    lost = watch.lost(patience=3.0 if broken else 0.5)
    if lost or broken:
        raise RankLostError(sentence(lost or "the connection to another rank broke")) from error


def end_with_parent() -> None:
    """End this process soon after the one that started it, if it is a rank that another process started.

    Lightning and torchrun tell a process that they start its number on this machine.
    """
    if sys.platform == "win32" or int(os.environ.get("LOCAL_RANK", "0")) == 0:
        return
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    try:
        click.echo(f"beattrack: rank {rank()} stops, because the process that started it has ended", err=True)
        _leave()
    finally:
        os._exit(EXIT_FAILURE)


def wait_for_news_of_parent() -> None:
    """Wait until `end_with_parent` has ended this process, if the lost rank is the one that started it."""
    time.sleep(10 * POLL_SECONDS)


def _leave() -> None:
    """Clean up in a process that is about to end without unwinding."""
    remove_temporaries()
    if "multiprocessing" in sys.modules:
        import multiprocessing

        for child in multiprocessing.active_children():
            child.terminate()


def _end(children: list[subprocess.Popen[bytes]], *, patience: float) -> None:
    """Wait for processes to end, and kill those that do not in time."""
    give_up = time.monotonic() + patience
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(give_up - time.monotonic(), 0.0))
        if child.poll() is None:
            child.kill()
            child.wait()
