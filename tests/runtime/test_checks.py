from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.errors import SettingsError
from beattrack.runtime import checks

NUMBERS = {
    "number": checks.number(),
    "positive": checks.positive(),
    "at least": checks.at_least(-1e9),
    "between": checks.between(-1e9, 1e9),
}
NO_NUMBERS = [
    *("1", b"1", "", None, True, False, np.True_, 1j, [1.0], (1.0,), {}, np.ones(1), np.array(1.0)),
    *(math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf"), 10**400, Fraction(10**400, 3)),
]


def refused(check: checks.Check, value: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        check("size", value)
    message = str(raised.value)
    assert message.startswith("size must be ")
    assert "\n" not in message
    assert len(message) < 200
    return message


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_refused(kind: str, value: Any) -> None:
    refused(NUMBERS[kind], value)


@pytest.mark.parametrize(
    "value",
    [3, 2.5, np.int8(3), np.uint64(3), np.float16(2.5), np.float32(2.5), np.float64(2.5), Fraction(5, 2)],
)
def test_numbers_of_numpy_become_those_of_python(value: Any) -> None:
    taken = checks.positive()("size", value)
    assert type(taken) in (int, float)
    assert taken == value


@pytest.mark.parametrize("value", [3.0, np.float64(3.0), "3", True, None])
def test_whole_numbers_are_whole(value: Any) -> None:
    assert "a whole number" in refused(checks.positive(whole=True), value)
    taken = checks.positive(whole=True)("size", np.int64(3))
    assert (taken, type(taken)) == (3, int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ranges_hold_what_they_say(value: float) -> None:
    limits = {
        checks.positive(): value > 0,
        checks.at_least(2): value >= 2,
        checks.between(0, 5): 0 <= value <= 5,
        checks.between(0, 5, low_open=True): 0 < value <= 5,
        checks.between(0, 5, high_open=True): 0 <= value < 5,
        checks.share(): 0 <= value <= 1,
    }
    for check, inside in limits.items():
        if inside and abs(value) <= checks.MAX_NUMBER:
            assert check("size", value) == value
        else:
            refused(check, value)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (checks.positive(), 0, "size must be a positive number, not 0"),
        (checks.positive(whole=True), -2, "size must be a positive whole number, not -2"),
        (checks.at_least(10), np.float64(9.5), "size must be at least 10, not 9.5"),
        (checks.between(1, 64, whole=True), 65, "size must be from 1 to 64, not 65"),
        (checks.between(0, 0.5, low_open=True), 0.0, "size must be above 0 and at most 0.5, not 0.0"),
        (checks.share(), math.nan, "size must be a finite number, not nan"),
        (checks.share(), "half", "size must be a number, not 'half'"),
        (checks.choice(("a", "b")), "c", "size must be one of a, b, not 'c'"),
        (checks.choice(("a", "b")), ["a"], "size must be one of a, b, not ['a']"),
        (checks.choice(("a", "b")), np.ones((2, 2)), "size must be one of a, b, not array("),
        (checks.flag(), 1, "size must be True or False, not 1"),
        (checks.flag(), None, "size must be True or False, not None"),
        (checks.text(), 5, "size must be text, not 5"),
        (checks.instance(int, str), 1.5, "size must be int or str, not 1.5"),
        (checks.instance(int, called="an age"), "x", "size must be an age, not 'x'"),
        (checks.several(checks.positive()), 5, "size must be one or more values, not 5"),
        (checks.several(checks.positive()), "12", "size must be one or more values, not '12'"),
        (checks.several(checks.positive()), [], "size must be one or more values, not []"),
        (checks.several(checks.positive()), [1, -1], "size must be a positive number, not -1"),
        (checks.several(checks.positive(), length=2), [1, 2, 3], "size must be 2 values, not [1, 2, 3]"),
        (checks.several(checks.positive(), empty=True), {"a": 1}, "size must be a list, not {'a': 1}"),
        (checks.span(checks.positive()), (3, 2), "size must be a range, the lower number first, not 3 to 2"),
        (checks.optional(checks.positive()), 0, "size must be a positive number, not 0"),
    ],
)
def test_messages_name_the_setting_and_its_value(check: checks.Check, value: Any, message: str) -> None:
    assert refused(check, value).startswith(message)


def test_sequences_of_all_kinds_become_tuples() -> None:
    metres = checks.one_or_several(checks.positive(whole=True))
    assert metres("size", 4) == 4
    for value in ([3, 4], (3, 4), np.array([3, 4]), range(3, 5), iter([3, 4])):
        taken = metres("size", value)
        assert taken == (3, 4)
        assert [type(item) for item in taken] == [int, int]
    assert checks.several(checks.positive(), empty=True)("size", []) == ()
    assert checks.optional(checks.positive())("size", None) is None
    assert checks.flag()("size", np.True_) is True
    assert checks.choice(("a", "b"))("size", np.str_("b")) == "b"
