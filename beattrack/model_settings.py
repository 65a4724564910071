"""The settings stored in a model file: they alone say how to compute the network's input."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

from beattrack.errors import ModelError, SettingsError
from beattrack.network.settings import NetworkSettings
from beattrack.spectrogram import SpectrogramSettings

FORMAT = 1
METADATA_KEY = "beattrack"  # key of the settings, as JSON, among the metadata of an ONNX file

Settings = TypeVar("Settings")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Front-end and network of one model."""

    spectrogram: SpectrogramSettings = SpectrogramSettings()
    network: NetworkSettings = NetworkSettings()

    def __post_init__(self) -> None:
        if self.spectrogram.bands != self.network.front_end.bands:
            raise SettingsError(
                f"the spectrogram has {self.spectrogram.bands} bands "
                f"but the network reads {self.network.front_end.bands}"
            )

    @property
    def receptive_field_seconds(self) -> float:
        """How much music one output frame sees."""
        return self.network.receptive_field / self.spectrogram.fps

    def to_json(self) -> str:
        """Serialise for the metadata of a model file."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> ModelSettings:
        """Read what `to_json` wrote.

        Raises ModelError for another format, unknown or missing fields, and values out of range.
        """
        try:
            data = json.loads(text)
            if data.pop("format", None) != FORMAT:
                raise ModelError("the model was written by another version of beattrack")
            return from_dict(cls, data)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
            raise ModelError(f"the settings in the model cannot be read ({error})") from error


def from_dict(kind: type[Settings], data: dict[str, Any]) -> Settings:
    """Build a settings dataclass, nested ones too, from plain JSON values.

    Raises KeyError for a missing field, TypeError for an unknown one or a value of another type.
    """
    hints = typing.get_type_hints(kind)
    unknown = data.keys() - hints.keys()
    if unknown:
        raise TypeError(f"unknown field {min(unknown)!r}")
    values = {name: _convert(hint, data[name]) for name, hint in hints.items()}
    return kind(**values)


def _convert(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, not {value!r}")
        return from_dict(hint, value)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"expected a list, not {value!r}")
        return tuple(_convert(arguments[0], item) for item in value)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _convert(next(a for a in arguments if a is not type(None)), value)
    if origin is typing.Literal:
        if value not in arguments:
            raise TypeError(f"expected one of {arguments}, not {value!r}")
        return value
    return _scalar(hint, value)


def _scalar(hint: type, value: Any) -> Any:
    accepted = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(f"expected {hint.__name__}, not {value!r}")
    return hint(value)
