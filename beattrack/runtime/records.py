"""Dataclasses from the values of JSON or TOML files, with strict checks of keys and types."""

from __future__ import annotations

import dataclasses
import reprlib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

Record = TypeVar("Record")

MAX_NUMBER = 1e300  # larger whole numbers may not fit a float
# Metadata of a field with a default that records from before the field do not have.
ADDED_LATER: Mapping[str, Any] = {"added_later": True}


def from_dict(kind: type[Record], data: Any) -> Record:
    """Return a dataclass built from JSON values, including nested dataclasses.

    Errors raised by the dataclass itself are passed on.

    Args:
        kind: the dataclass. Only fields with the default None, or with the metadata `ADDED_LATER`, may be
            missing from the data.
        data: a dictionary of values. Whole numbers are accepted for floats.

    Raises:
        TypeError: if a key is missing or unknown, a value has the wrong type, or a number is not finite or
            exceeds 1e300. The message names the field.
    """
    return _object(kind, data, "")


def _object(kind: type[Record], data: Any, where: str) -> Record:
    if not isinstance(data, Mapping):
        raise _wrong(where, "a JSON object", data)
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    optional = {field.name for field in fields if field.default is None or "added_later" in field.metadata}
    prefix = f"{where}: " if where else ""
    for name in data:
        if name not in hints:
            raise TypeError(f"{prefix}unknown key {reprlib.repr(name)}")
    for name in hints:
        if name not in data and name not in optional:
            raise TypeError(f"{prefix}no key {name!r}")
    inner = f"{where}." if where else ""
    return kind(**{name: _convert(hints[name], value, inner + name) for name, value in data.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _object(hint, value, where)
    if origin in (typing.Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        return None if value is None else _convert(rest[0], value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        return tuple(_convert(arguments[0], item, where) for item in value)
    if origin is Mapping:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise _wrong(where, "a JSON object", value)
        return {key: _convert(arguments[1], item, where) for key, item in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            raise _wrong(where, f"one of {', '.join(map(str, arguments))}", value)
        return value
    return _scalar(hint, value, where)


def _scalar(hint: type, value: Any, where: str) -> Any:
    accepted = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise _wrong(where, _NAMES.get(hint, hint.__name__), value)
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise _wrong(where, "a finite number", value)
    return hint(value)


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _wrong(where: str, expected: str, value: Any) -> TypeError:
    return TypeError(f"{where}: expected {expected}, not {reprlib.repr(value)}".removeprefix(": "))
