"""Checks of settings, the same for every option of the API and the command line.

Each function makes a check. A check takes the name of a setting and its value, and returns the value, NumPy's
numbers as Python's, or raises SettingsError:

    positive()("fps", np.float32(50.0))     50.0
    positive()("fps", "50")                 SettingsError: fps must be a number, not '50'

Booleans and text are no numbers here, and NaN and infinity lie in no range.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np

from beattrack.errors import SettingsError

Check: TypeAlias = Callable[[str, Any], Any]

MAX_NUMBER = 1e300  # larger whole numbers are no floats, and infinity is no number


def number(*, whole: bool = False) -> Check:
    """Make a check for any finite number; `whole` ones only if asked for."""

    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
            raise SettingsError(f"{name} must be a {'whole ' if whole else ''}number, not {shown(value)}")
        try:
            plain = int(value) if isinstance(value, Integral) else float(value)
        except OverflowError:  # of a fraction
            plain = math.inf
        if not abs(plain) <= MAX_NUMBER:
            raise SettingsError(f"{name} must be a finite number, not {shown(value)}")
        return plain

    return check


def positive(*, whole: bool = False) -> Check:
    """Make a check for numbers above 0."""
    return _in_range(lambda value: value > 0, f"a positive {'whole ' if whole else ''}number", whole)


def at_least(least: float, *, whole: bool = False) -> Check:
    """Make a check for numbers from `least` on."""
    return _in_range(lambda value: value >= least, f"at least {least:g}", whole)


def between(
    low: float, high: float, *, whole: bool = False, low_open: bool = False, high_open: bool = False
) -> Check:
    """Make a check for numbers from `low` to `high`, without an end that is open."""

    def inside(value: float) -> bool:
        return (low < value if low_open else low <= value) and (value < high if high_open else value <= high)

    if low_open or high_open:
        above = f"above {low:g}" if low_open else f"at least {low:g}"
        below = f"below {high:g}" if high_open else f"at most {high:g}"
        return _in_range(inside, f"{above} and {below}", whole)
    return _in_range(inside, f"from {low:g} to {high:g}", whole)


def share() -> Check:
    """Make a check for shares and probabilities, from 0 to 1."""
    return between(0, 1)


def choice(options: Sequence[str]) -> Check:
    """Make a check for one of several names."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in options:
            raise SettingsError(f"{name} must be one of {', '.join(options)}, not {shown(value)}")
        return str(value)

    return check


def flag() -> Check:
    """Make a check for True or False."""

    def check(name: str, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise SettingsError(f"{name} must be True or False, not {shown(value)}")
        return bool(value)

    return check


def text() -> Check:
    """Make a check for text."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise SettingsError(f"{name} must be text, not {shown(value)}")
        return str(value)

    return check


def instance(*kinds: type, called: str = "") -> Check:
    """Make a check for objects of some classes; `called` names them in the message."""
    expected = called or " or ".join(kind.__name__ for kind in kinds)

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, kinds):
            raise SettingsError(f"{name} must be {expected}, not {shown(value)}")
        return value

    return check


def optional(check: Check) -> Check:
    """Make a check that lets None pass."""
    return lambda name, value: None if value is None else check(name, value)


def several(check: Check, *, length: int | None = None, empty: bool = False) -> Check:
    """Make a check for a sequence, each item of which passes `check`; it becomes a tuple.

    length: how many items there must be; None for any number. empty: whether there may be none.
    """
    wanted = f"{length} values" if length is not None else "a list" if empty else "one or more values"

    def check_all(name: str, value: Any) -> tuple[Any, ...]:
        items = tuple(check(name, item) for item in value) if is_sequence(value) else None
        if items is None or len(items) != (length or len(items)) or not (items or empty):
            raise SettingsError(f"{name} must be {wanted}, not {shown(value)}")
        return items

    return check_all


def one_or_several(check: Check) -> Check:
    """Make a check for a single value or a sequence of them, which becomes a tuple."""
    all_of = several(check)
    return lambda name, value: all_of(name, value) if is_sequence(value) else check(name, value)


def span(check: Check) -> Check:
    """Make a check for a range of two numbers, the lower first."""
    pair = several(check, length=2)

    def check_span(name: str, value: Any) -> tuple[Any, Any]:
        low, high = pair(name, value)
        if low > high:
            raise SettingsError(f"{name} must be a range, the lower number first, not {low:g} to {high:g}")
        return low, high

    return check_span


def apply(settings: object, checks: Mapping[str, Check], *, prefix: str = "") -> None:
    """Check fields of a frozen dataclass and set them to what the checks return.

    prefix: put before a field's name in messages, such as "loss.".
    """
    for name, check in checks.items():
        object.__setattr__(settings, name, check(prefix + name, getattr(settings, name)))


def is_sequence(value: Any) -> bool:
    """Tell whether `value` is a sequence of settings, as a list, a tuple or an array is."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def shown(value: Any) -> str:
    """Write a value into a message: short, and NumPy's numbers as Python's."""
    plain = value.item() if isinstance(value, np.generic) else value
    return " ".join(reprlib.repr(plain).split())


def _in_range(inside: Callable[[float], bool], expected: str, whole: bool) -> Check:
    """Make a check for numbers of a range; `expected` is what the message says."""
    finite = number(whole=whole)

    def check(name: str, value: Any) -> float:
        plain: float = finite(name, value)
        if not inside(plain):
            raise SettingsError(f"{name} must be {expected}, not {shown(value)}")
        return plain

    return check
