"""Text of any origin is read as beats or refused in one sentence."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz import seeds, targets
from tests.fuzz.damage import damaged, many


def test_the_seeds_are_beat_files() -> None:
    assert all(targets.beat_file(data) for data in list(seeds.beat_files())[:5])


@pytest.mark.parametrize("seed", list(seeds.beat_files()))
@settings(many, max_examples=60)
@given(data=st.data())
def test_damaged_files(seed: bytes, data: st.DataObject) -> None:
    targets.beat_file(data.draw(damaged(seed)))


@many
@given(data=st.binary(max_size=300))
@example(data=b"[" * 100_000)
@example(data=b'{"beats": ' + b"[" * 100_000)
@example(data=b'{"beats": [1], "tempo": ' + b"9" * 5000 + b"}")
@example(data=b'{"beats": [' + b"9" * 400 + b"]}")
@example(data=b'{"beats": [1, 2], "positions": 5}')
@example(data=b'{"beats": [1, 2], "positions": [1e400, 2]}')
@example(data=b"1e308\n1e309\n")
@example(data=b'{"annotations": [{"namespace": "beat", "data": {"time": 5, "value": [1]}}]}')
@example(data=b'{"annotations": [1, null, {"namespace": ["beat"]}]}')
@example(data=b'{"beats": [[1, 2], [3]], "downbeats": [null]}')
@example(data=b'{"beats": [1, 2], "downbeats": {"a": 1}, "duration": 1e999}')
@example(data=b'<sv><model sampleRate="x"/><dataset><point frame="1"/></dataset></sv>')
@example(data=b"<" * 100_000)
@example(data=b"0," + b"9" * 5000)
@example(data=b"1e400\n" * 5)
@example(data=b'"' * 200_000)
@example(data=b'0.5,"' + b"a" * 200_000)
def test_any_bytes(data: bytes) -> None:
    targets.beat_file(data)


CELLS = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=5),
    st.sampled_from(["1.1", "4:2", "downbeat"]),
)
LINES = st.lists(st.lists(CELLS, max_size=4), max_size=8)


@many
@given(rows=LINES, delimiter=st.sampled_from(["\t", ",", ";", " "]))
def test_any_table(rows: list[list[str]], delimiter: str) -> None:
    targets.beat_file("\n".join(delimiter.join(row) for row in rows).encode("utf-8", "surrogatepass"))
