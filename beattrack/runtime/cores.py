"""The number of processor cores."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return the number of cores available to this process, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
