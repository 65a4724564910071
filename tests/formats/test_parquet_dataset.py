from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beattrack.formats import parquet_dataset
from beattrack.formats.parquet import Row, failed_row
from beattrack.formats.parquet_dataset import Dataset, DatasetError, PartWriter, appended
from tests.remote_cases import memory

__all__ = ["memory"]

pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")


def rows(*names: str) -> list[Row]:
    """A row for each name; those of `bad` are failures."""
    beats = {
        "duration": 2.0,
        "tempo": 120.0,
        "times": np.array([0.5, 1.0]),
        "positions": np.array([1, 2]),
        "beat_confidence": np.array([0.9, 0.8]),
    }
    return [
        failed_row(name, "is bad") if "bad" in name else {**failed_row(name, None), **beats} for name in names
    ]


def write(place: str, names: Sequence[str], **settings: Any) -> None:
    with appended(place, **settings) as writer:
        for row in rows(*names):
            writer.add(row)


def again(place: str, names: Sequence[str]) -> None:
    """Add rows as --skip-existing does."""
    tracked, failed = Dataset(place).files()
    write(place, [name for name in names if name not in tracked], failed=failed, tracked=tracked)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path)
    request.getfixturevalue("memory")
    return "memory://data/set"


def test_runs_add_parts(place: str) -> None:
    assert Dataset(place).files() == (set(), {})
    write(place, ["a", "bad"])
    write(place, ["b"])
    parts = Dataset(place).parts()
    assert len(parts) == 2
    tracked, failed = Dataset(place).files()
    assert tracked == {"a", "b"}
    assert [*failed] == ["bad"]
    assert failed["bad"] < set(parts)


def test_failures_are_replaced_by_new_rows(place: str) -> None:
    write(place, ["a", "bad", "bad too"])
    write(place, ["bad three"])
    again(place, ["a", "bad", "bad three", "b"])
    tracked, failed = Dataset(place).files()
    assert tracked == {"a", "b"}
    assert {name: len(parts) for name, parts in failed.items()} == {"bad": 1, "bad too": 1, "bad three": 1}
    assert len(Dataset(place).parts()) == 2  # of the second part nothing was left


def test_a_failure_left_by_an_interruption_is_removed_later(place: str) -> None:
    write(place, ["bad"])
    part = failed_row("bad", None) | {"duration": 1.0}
    with appended(place) as writer:  # as if it had ended before the old row was removed
        writer.add(part)
    again(place, ["bad"])
    assert Dataset(place).files() == ({"bad"}, {})


def test_parts_have_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_dataset, "PART_ROWS", 4)
    write(str(tmp_path), [f"{n}" for n in range(10)])
    assert len(Dataset(str(tmp_path)).parts()) == 3
    monkeypatch.setattr(parquet_dataset, "PART_BYTES", 1)
    write(str(tmp_path), ["a", "b"])
    assert len(Dataset(str(tmp_path)).parts()) == 5


def test_rows_do_not_wait_long(tmp_path: Path) -> None:
    now = 0.0
    writer = PartWriter(Dataset(str(tmp_path)), clock=lambda: now)
    first, second = rows("a", "b")
    writer.add(first)
    assert Dataset(str(tmp_path)).parts() == []
    now = parquet_dataset.PART_SECONDS + 1
    writer.add(second)
    assert Dataset(str(tmp_path)).files()[0] == {"a", "b"}


def test_an_interruption_keeps_the_rows_so_far(tmp_path: Path) -> None:
    def interrupted() -> None:
        with appended(str(tmp_path)) as writer:
            writer.add(rows("a")[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Dataset(str(tmp_path)).files()[0] == {"a"}


def test_a_part_that_could_not_be_written_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = PartWriter(Dataset(str(tmp_path)))
    writer.add(rows("a")[0])
    write_bytes = parquet_dataset.atomic_write_bytes

    def interrupted(path: str, data: bytes) -> None:
        write_bytes(path, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet_dataset, "atomic_write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    monkeypatch.undo()
    writer.close()
    assert len(Dataset(str(tmp_path)).parts()) == 1


@pytest.mark.parametrize("content", [b"no parquet", None])
def test_other_files_are_no_parts(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.parquet"
    if content is None:
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"file": ["a"]}), path)
    else:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"x\.parquet: is not a part of a dataset of beattrack"):
        Dataset(str(tmp_path)).files()


def test_hidden_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".half.parquet").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    assert Dataset(str(tmp_path)).parts() == []


def read_by_both(folder: Path, count: int) -> None:
    pandas = pytest.importorskip("pandas")
    duckdb = pytest.importorskip("duckdb")
    frame = pandas.read_parquet(folder)
    assert len(frame) == frame["file"].nunique() == count
    assert frame["error"].notna().sum() == 1
    assert frame["times"].dropna().map(len).eq(2).all()
    query = f"select count(*), count(error), sum(len(times)), avg(tempo) from '{folder}/*.parquet'"
    assert duckdb.sql(query).fetchall() == [(count, 1, 2 * (count - 1), 120.0)]


def test_pandas_and_duckdb_read_it(tmp_path: Path) -> None:
    write(str(tmp_path), ["a", "b", "bad"])
    write(str(tmp_path), ["c"])
    read_by_both(tmp_path, 4)


def test_the_recipes_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beats").mkdir()
    write("beats", ["a", "b", "bad"])
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
    queries = re.findall(r"^SELECT .*?;", page, re.MULTILINE)
    assert [len(duckdb.sql(query).fetchall()) for query in queries] == [1, 3, 4]
    program = re.search(r"^import pandas.*?(?=```)", page, re.MULTILINE | re.DOTALL)
    assert program is not None
    names: dict[str, Any] = {}
    exec(program[0].partition('songs = pd.read_parquet("beats/", columns')[0], names)
    assert len(names["songs"]) == 3
    recipe = next(line for line in program[0].splitlines() if line.startswith("beats = "))
    exec(recipe, names)
    assert names["beats"]["times"].tolist() == [0.5, 1.0] * 2


@pytest.mark.slow
def test_pandas_and_duckdb_read_a_million_rows(tmp_path: Path) -> None:
    write(str(tmp_path), ["bad", *(f"{number}.mp3" for number in range(999_999))])
    assert len(Dataset(str(tmp_path)).parts()) == 1_000_000 // parquet_dataset.PART_ROWS
    read_by_both(tmp_path, 1_000_000)
