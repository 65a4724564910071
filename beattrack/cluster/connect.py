"""Connections to a Dask cluster that is running, or to one that is started on this machine."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from beattrack.cluster.errors import ClusterError
from beattrack.cluster.forking import begin_to_import
from beattrack.errors import MissingExtraError, SettingsError
from beattrack.runtime.workers import THREADS

LOCAL = "local"
CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 5.0
_ADDRESS = re.compile(r"(?:[a-z]+://)?(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5}")

# A worker that dies returns its work at once, and `run` decides what to retry. Profiling and frequent looks
# at the event loops and the system cost a few percent of a core.
_LOCAL_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    # A process is started in place of one that died. If it is slow to start, it is awaited, not given up.
    "distributed.deploy.lost-worker-timeout": "1 day",
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1 s",
    "distributed.admin.tick.limit": "1 hour",
    "distributed.admin.system-monitor.interval": "10 s",
    "distributed.worker.preload": ["beattrack.cluster.preload"],
    # In place of Dask's own, of which MALLOC_TRIM_THRESHOLD_ makes workers return freed memory to the system
    # at once; that takes a fifth of their time.
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(THREADS, 1),
}
_QUIET = {"logging.distributed": "critical"}  # beattrack reports what the user must know
_FORKED = {"distributed.worker.multiprocessing-method": "forkserver"}


def check_scheduler(scheduler: str) -> None:
    """Check that a scheduler is `local`, an address or a scheduler file, without connecting to it.

    Imports Dask, and for a local cluster begins to do so in the process from which workers are forked.

    Raises:
        SettingsError: if it is neither.
        MissingExtraError: if Dask is not installed.
    """
    if scheduler != LOCAL and not _is_file(scheduler) and not _ADDRESS.fullmatch(scheduler):
        raise SettingsError(
            f"--scheduler must be 'local', an address such as tcp://host:8786 or a scheduler file (.json), "
            f"not {scheduler!r}"
        )
    if scheduler == LOCAL:
        begin_to_import()
    _import()


@contextmanager
def connected(scheduler: str, *, workers: int = 1) -> Iterator[Any]:
    """Connect to a scheduler, or start a cluster on this machine that ends with the block.

    Args:
        scheduler: "local", an address such as `tcp://host:8786`, or the path of a scheduler file (.json).
        workers: number of processes of a local cluster.

    Yields:
        A `distributed.Client`.

    Raises:
        SettingsError, MissingExtraError: see `check_scheduler`.
        ClusterError: if no scheduler answers within `CONNECT_SECONDS`.
    """
    check_scheduler(scheduler)
    dask, distributed = _import()
    settings: dict[str, object] = {**_QUIET, **(_LOCAL_SETTINGS if scheduler == LOCAL else {})}
    if scheduler == LOCAL and begin_to_import():
        settings |= _FORKED
    with dask.config.set(settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on versions and ports, in tables of many lines
            client, cluster = _open(distributed, scheduler, workers)
        try:
            yield client
        finally:
            for closed in (client, cluster):
                with suppress(OSError, TimeoutError, RuntimeError):
                    if closed is not None:
                        closed.close(timeout=CLOSE_SECONDS)


def _open(distributed: Any, scheduler: str, workers: int) -> tuple[Any, Any]:
    if scheduler == LOCAL:
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=0,  # none, as with --jobs
            env=dict(os.environ),  # which may have changed since the process was started that forks workers
            dashboard_address="localhost:8787",
            silence_logs=logging.CRITICAL,
        )
        return distributed.Client(cluster, set_as_default=False), cluster
    if _is_file(scheduler) and not os.path.isfile(scheduler):  # for which Dask would wait forever
        raise ClusterError(
            f"{scheduler}: does not exist; start `dask scheduler --scheduler-file {scheduler}`"
        )
    named = {"scheduler_file": scheduler} if _is_file(scheduler) else {"address": scheduler}
    try:
        return distributed.Client(**named, timeout=CONNECT_SECONDS, set_as_default=False), None
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"{scheduler}: no Dask scheduler answered within {CONNECT_SECONDS:g} seconds; "
            "check the address and that `dask scheduler` is running"
        ) from error


def _is_file(scheduler: str) -> bool:
    return scheduler.endswith(".json")


def _import() -> tuple[Any, Any]:
    try:
        import dask

        with dask.config.set(_QUIET):  # read when distributed is imported
            import distributed
    except ImportError as error:
        raise MissingExtraError("distributed", "cluster", "--scheduler") from error
    loggers = logging.root.manager.loggerDict
    for name in [name for name in loggers if name.partition(".")[0] in ("distributed", "tornado")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return dask, distributed
