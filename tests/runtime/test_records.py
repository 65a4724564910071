from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.runtime.records import ADDED_LATER, from_dict


@dataclass(frozen=True)
class Inner:
    whole: int
    number: float = 1.0


@dataclass(frozen=True)
class Outer:
    name: str
    flag: bool
    kind: Literal["a", "b"]
    inner: Inner
    many: tuple[Inner, ...]
    scores: Mapping[str, float]
    needed: float | None
    extra: Mapping[str, tuple[int, ...]] | None = None


def record(**changes: Any) -> dict[str, Any]:
    return {
        "name": "x",
        "flag": True,
        "kind": "a",
        "inner": {"whole": 1, "number": 2},
        "many": [{"whole": 3, "number": 0.5}],
        "scores": {"f": 1},
        "needed": None,
        **changes,
    }


def test_nested_values_become_what_is_annotated() -> None:
    found = from_dict(Outer, record(extra={"bars": [3, 4]}))
    assert found.inner == Inner(1, 2.0)
    assert isinstance(found.inner.number, float)
    assert found.many == (Inner(3, 0.5),)
    assert found.scores == {"f": 1.0}
    assert found.extra == {"bars": (3, 4)}


@given(
    st.builds(Inner, st.integers(-(10**15), 10**15), st.floats(-1e15, 1e15)),
    st.dictionaries(st.text(), st.floats(-1, 1)),
)
def test_what_was_written_is_read(inner: Inner, scores: dict[str, float]) -> None:
    outer = Outer("x", False, "b", inner, (inner, inner), scores, 0.5, {"": (1,)})
    assert from_dict(Outer, json.loads(json.dumps(dataclasses.asdict(outer)))) == outer


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"name": 3}, "name: expected text, not 3"),
        ({"flag": 1}, "flag: expected true or false, not 1"),
        ({"kind": "c"}, "kind: expected one of a, b, not 'c'"),
        ({"inner": [1]}, r"inner: expected a JSON object, not \[1\]"),
        ({"inner": {"whole": 1}}, "inner: no key 'number'"),
        ({"inner": {"whole": 1.5, "number": 1}}, "inner.whole: expected a whole number, not 1.5"),
        ({"many": {"whole": 1}}, "many: expected a list"),
        ({"many": [{"whole": True, "number": 1}]}, "many.whole: expected a whole number, not True"),
        ({"scores": [1]}, "scores: expected a JSON object"),
        ({"scores": {"f": None}}, "scores: expected a number, not None"),
        ({"needed": "x"}, "needed: expected a number"),
        ({"needed": float("nan")}, "needed: expected a finite number, not nan"),
        ({"needed": 10**400}, "needed: expected a finite number"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        from_dict(Outer, record(**changes))


def test_only_what_is_none_by_default_may_be_missing() -> None:
    for name in record():
        with pytest.raises(TypeError, match=f"^no key '{name}'"):
            from_dict(Outer, {key: value for key, value in record().items() if key != name})
    assert from_dict(Outer, record()).extra is None
    with pytest.raises(TypeError, match="expected a JSON object, not 'text'"):
        from_dict(Outer, "text")


def test_what_was_added_later_may_be_missing() -> None:
    @dataclass(frozen=True)
    class Grown:
        old: int = 1
        new: int = dataclasses.field(default=2, metadata=ADDED_LATER)

    assert from_dict(Grown, {"old": 5}) == Grown(5, 2)
    assert from_dict(Grown, {"old": 5, "new": 3}) == Grown(5, 3)
    with pytest.raises(TypeError, match=r"^no key 'old'"):
        from_dict(Grown, {"new": 3})
    with pytest.raises(TypeError, match="new: expected a whole number, not None"):
        from_dict(Grown, {"old": 5, "new": None})


def test_messages_stay_short() -> None:
    with pytest.raises(TypeError) as raised:
        from_dict(Outer, record(name=["x" * 10_000] * 1000))
    assert len(str(raised.value)) < 300
