"""A folder of Parquet files that grows by a file at a time, on this machine or at a URL."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from beattrack.errors import BeattrackError
from beattrack.formats.parquet import SUFFIX, Row, encode_rows, encode_table, require_pyarrow, size_of
from beattrack.runtime import remote
from beattrack.runtime.files import atomic_write_bytes

PART_ROWS = 10_000
PART_BYTES = 64 << 20  # of rows in memory
PART_SECONDS = 300.0  # at most this much work is lost if the machine fails


class DatasetError(BeattrackError):
    """A folder of Parquet files cannot be read or is not a dataset of beattrack."""


class Dataset:
    """A folder of Parquet files.

    Args:
        place: path or URL of the folder.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/") or "/"
        self._remote = remote.is_url(self.place)

    def parts(self) -> list[str]:
        """Return the paths or URLs of the files, in order of their names."""
        if self._remote:
            names = list(remote.listing(self.place))
        else:
            names = [str(path) for path in Path(self.place).glob(f"*{SUFFIX}")]
        return sorted(name for name in names if name.endswith(SUFFIX) and not _base(name).startswith("."))

    def files(self) -> tuple[set[str], dict[str, set[str]]]:
        """Return the recordings that are in the dataset.

        Returns:
            The recordings that were tracked, and for each one that failed, the parts with a row for it.

        Raises:
            DatasetError: if a file is not a part of a dataset.
            RemoteError: if a URL cannot be read.
        """
        tracked: set[str] = set()
        failed: dict[str, set[str]] = {}
        for part in self.parts():
            table = self._read(part, ["file", "error"])
            errors = table["error"].is_null().to_pylist()
            for file, fine in zip(table["file"].to_pylist(), errors, strict=True):
                if fine:
                    tracked.add(file)
                else:
                    failed.setdefault(file, set()).add(part)
        return tracked, failed

    def write(self, name: str, data: bytes) -> None:
        """Write a part, whole or not at all.

        Raises:
            OSError, RemoteError: if it cannot be written.
        """
        if self._remote:
            remote.write_whole(data, f"{self.place}/{name}")
        else:
            atomic_write_bytes(os.path.join(self.place, name), data)

    def drop_failures(self, part: str, files: set[str]) -> None:
        """Remove the rows of recordings that failed from a part, and the part if no other rows are left."""
        arrow = require_pyarrow()
        from pyarrow import compute

        table = self._read(part)
        named = compute.is_in(table["file"], value_set=arrow.array(sorted(files), arrow.string()))
        kept = table.filter(compute.invert(compute.and_(compute.is_valid(table["error"]), named)))
        if kept.num_rows:
            self.write(_base(part), encode_table(kept))
        elif self._remote:
            remote.remove(part)
        else:
            os.unlink(part)

    def _read(self, part: str, columns: list[str] | None = None) -> Any:
        arrow = require_pyarrow()
        from pyarrow import parquet

        table = None
        with (
            remote.opened(part) if self._remote else open(part, "rb") as file,
            suppress(arrow.ArrowException),
        ):
            table = parquet.read_table(file, columns=columns)
        if table is None or not {"file", "error"} <= set(table.column_names):
            raise DatasetError(f"{part}: is not a part of a dataset of beattrack; choose another -o")
        return table


class PartWriter:
    """Rows that are gathered and written as parts of a dataset.

    Args:
        dataset: where to write them.
        failed: recordings that failed in earlier runs, and the parts with their rows, which are removed when
            the recordings have new rows.
        tracked: recordings that have rows already. If one of them has a row of a failure too, that row is
            left from a run that was interrupted, and is removed.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        dataset: Dataset,
        failed: Mapping[str, set[str]] | None = None,
        tracked: Set[str] = frozenset(),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dataset, self._failed, self._clock = dataset, failed or {}, clock
        self._run = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        self._rows: list[Row] = []
        self._count, self._bytes, self._since = 0, 0, clock()
        self._replaced = set(tracked & self._failed.keys())

    def add(self, row: Row) -> None:
        """Add a row, and write a part if there are enough."""
        self._rows.append(row)
        self._bytes += size_of(row)
        if row["file"] in self._failed:
            self._replaced.add(row["file"])
        old = self._clock() - self._since > PART_SECONDS
        if len(self._rows) >= PART_ROWS or self._bytes >= PART_BYTES or old:
            self.flush()

    def flush(self) -> None:
        """Write the rows so far as a part.

        Raises:
            OSError, RemoteError: if it cannot be written.
        """
        if self._rows:
            # The number grows after the rows are gone: an interruption in between writes the same part again.
            name = f"part-{self._run}-{self._count:05}{SUFFIX}"
            self._dataset.write(name, encode_rows(self._rows))
            self._rows, self._count, self._bytes = [], self._count + 1, 0
        self._since = self._clock()

    def close(self) -> None:
        """Write the last part, and remove the earlier rows of recordings that were tried again."""
        self.flush()
        stale = {part for file in self._replaced for part in self._failed[file]}
        for part in sorted(stale):
            self._dataset.drop_failures(part, self._replaced)


@contextmanager
def appended(
    place: str, failed: Mapping[str, set[str]] | None = None, tracked: Set[str] = frozenset()
) -> Iterator[PartWriter]:
    """Yield a writer of rows to a dataset; all of them are written when the block ends, even by Ctrl-C.

    Args:
        place: path or URL of the folder.
        failed, tracked: see `PartWriter`.
    """
    writer = PartWriter(Dataset(place), failed, tracked)
    try:
        yield writer
    finally:
        writer.close()


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1] if remote.is_url(name) else os.path.basename(name)
