"""Files at memory:// URLs, which live in this process alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def memory() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec", reason="needs the extra 'cluster'")
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def put(files: Any, path: Path, *names: str) -> None:
    """Store a local file under names."""
    for name in names:
        files.pipe_file(name, path.read_bytes())


def stored(files: Any, folder: str) -> list[str]:
    return sorted(name.removeprefix(f"{folder}/") for name in files.find(folder))
