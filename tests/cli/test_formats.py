from __future__ import annotations

from beattrack.formats import FORMAT_TABLE
from tests.cli_cases import lines, run


def test_every_format_is_listed_with_a_sentence_and_a_tool() -> None:
    rows = lines(run("formats").stdout)
    assert [row.split()[0] for row in rows] == list(FORMAT_TABLE)
    for row, info in zip(rows, FORMAT_TABLE.values(), strict=True):
        assert f" {info.suffix} " in row
        assert f"{info.sentence} Read by {info.tool}." in row
