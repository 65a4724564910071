"""Set-up of the workers of a local cluster, which Dask imports in each of their processes."""

from __future__ import annotations

from beattrack.cluster.worker import ignore_ctrl_c


def dask_setup(worker: object) -> None:
    """Prepare a worker process."""
    ignore_ctrl_c()
