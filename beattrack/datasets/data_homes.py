"""Where datasets are looked for."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT = "BEATTRACK_DATA"
MIRDATA_HOME = Path("~/mir_datasets")


def data_homes(given: Path | None) -> list[Path]:
    """Folders to look in, the first wins: the given one alone, else $BEATTRACK_DATA, then ~/mir_datasets."""
    if given is not None:
        return [given]
    environment = os.environ.get(ENVIRONMENT)
    chosen = [Path(environment).expanduser()] if environment else []
    return [*chosen, MIRDATA_HOME.expanduser()]
