"""Checks of settings, shared by the API and the command line.

Most functions here return a check. A check takes the name and the value of a setting. It returns the value,
with NumPy scalars converted to Python's, or raises SettingsError:

    positive()("fps", np.float32(50.0))     50.0
    positive()("fps", "50")                 SettingsError: fps must be a number, not '50'

Booleans and text do not count as numbers, and NaN and infinity are never in range.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

from beattrack.errors import SettingsError

Check: TypeAlias = Callable[[str, Any], Any]

MAX_NUMBER = 1e300  # larger whole numbers may not fit a float


def number(*, whole: bool = False) -> Check:
    """Return a check for finite numbers, or only `whole` ones."""

    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
            raise SettingsError(f"{name} must be a {'whole ' if whole else ''}number, not {shown(value)}")
        try:
            plain = int(value) if isinstance(value, Integral) else float(value)
        except OverflowError:  # a Fraction too large for a float
            plain = math.inf
        if not abs(plain) <= MAX_NUMBER:
            raise SettingsError(f"{name} must be a finite number, not {shown(value)}")
        return plain

    return check


def positive(*, whole: bool = False) -> Check:
    """Return a check for numbers above 0."""
    return _in_range(lambda value: value > 0, f"a positive {'whole ' if whole else ''}number", whole)


def at_least(least: float, *, whole: bool = False) -> Check:
    """Return a check for numbers of at least `least`."""
    return _in_range(lambda value: value >= least, f"at least {least:g}", whole)


def between(
    low: float, high: float, *, whole: bool = False, low_open: bool = False, high_open: bool = False
) -> Check:
    """Return a check for numbers from `low` to `high`, excluding the ends marked as open."""

    def inside(value: float) -> bool:
        return (low < value if low_open else low <= value) and (value < high if high_open else value <= high)

    if low_open or high_open:
        above = f"above {low:g}" if low_open else f"at least {low:g}"
        below = f"below {high:g}" if high_open else f"at most {high:g}"
        return _in_range(inside, f"{above} and {below}", whole)
    return _in_range(inside, f"from {low:g} to {high:g}", whole)


def share() -> Check:
    """Return a check for shares and probabilities, from 0 to 1."""
    return between(0, 1)


def choice(options: Sequence[str]) -> Check:
    """Return a check for one of several names."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in options:
            raise SettingsError(f"{name} must be one of {', '.join(options)}, not {shown(value)}")
        return str(value)

    return check


def flag() -> Check:
    """Return a check for True or False."""

    def check(name: str, value: Any) -> bool:
        plain = _without_numpy(value)
        if not isinstance(plain, bool):
            raise SettingsError(f"{name} must be True or False, not {shown(value)}")
        return plain

    return check


def text() -> Check:
    """Return a check for text."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise SettingsError(f"{name} must be text, not {shown(value)}")
        return str(value)

    return check


def instance(*kinds: type, called: str = "") -> Check:
    """Return a check for instances of some classes; `called` describes them in the message."""
    expected = called or " or ".join(kind.__name__ for kind in kinds)

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, kinds):
            raise SettingsError(f"{name} must be {expected}, not {shown(value)}")
        return value

    return check


def optional(check: Check) -> Check:
    """Return a check that also accepts None."""
    return lambda name, value: None if value is None else check(name, value)


def several(check: Check, *, length: int | None = None, empty: bool = False) -> Check:
    """Return a check for a sequence, which is converted to a tuple.

    Args:
        check: check of each item.
        length: required number of items; None for any.
        empty: whether an empty sequence is allowed.
    """
    wanted = f"{length} values" if length is not None else "a list" if empty else "one or more values"

    def check_all(name: str, value: Any) -> tuple[Any, ...]:
        items = tuple(check(name, item) for item in value) if is_sequence(value) else None
        if items is None or len(items) != (length or len(items)) or not (items or empty):
            raise SettingsError(f"{name} must be {wanted}, not {shown(value)}")
        return items

    return check_all


def one_or_several(check: Check) -> Check:
    """Return a check for one value or a sequence of values, which is converted to a tuple."""
    all_of = several(check)
    return lambda name, value: all_of(name, value) if is_sequence(value) else check(name, value)


def span(check: Check) -> Check:
    """Return a check for a range of two numbers, the lower one first."""
    pair = several(check, length=2)

    def check_span(name: str, value: Any) -> tuple[Any, Any]:
        low, high = pair(name, value)
        if low > high:
            raise SettingsError(f"{name} must be a range, the lower number first, not {low:g} to {high:g}")
        return low, high

    return check_span


def apply(settings: object, checks: Mapping[str, Check], *, prefix: str = "") -> None:
    """Check fields of a frozen dataclass and set them to the values that the checks return.

    Args:
        settings: the dataclass.
        checks: a check for each field, by name.
        prefix: text before the field's name in messages, such as "loss.".

    Raises:
        SettingsError: if a value does not pass its check.
    """
    for name, check in checks.items():
        object.__setattr__(settings, name, check(prefix + name, getattr(settings, name)))


def is_sequence(value: Any) -> bool:
    """Return whether `value` holds several settings, such as a list, tuple or array, but not text."""
    dimensions = getattr(value, "ndim", None)
    if dimensions is not None:
        return bool(dimensions > 0)
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def shown(value: Any) -> str:
    """Return a short representation of a value for a message."""
    return " ".join(reprlib.repr(_without_numpy(value)).split())


def _without_numpy(value: Any) -> Any:
    """Return a NumPy scalar as Python's own. NumPy is not imported: every command imports this module."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value


def _in_range(inside: Callable[[float], bool], expected: str, whole: bool) -> Check:
    """Return a check for numbers in a range, described in the message as `expected`."""
    finite = number(whole=whole)

    def check(name: str, value: Any) -> float:
        plain: float = finite(name, value)
        if not inside(plain):
            raise SettingsError(f"{name} must be {expected}, not {shown(value)}")
        return plain

    return check
