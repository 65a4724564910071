"""The folders in which datasets are searched."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT = "BEATTRACK_DATA"
MIRDATA_HOME = Path("~/mir_datasets")


def data_homes(given: Path | None) -> list[Path]:
    """Return the folders to search, in order: only `given`, or $BEATTRACK_DATA and ~/mir_datasets if None."""
    if given is not None:
        return [given]
    environment = os.environ.get(ENVIRONMENT)
    chosen = [Path(environment).expanduser()] if environment else []
    return [*chosen, MIRDATA_HOME.expanduser()]
