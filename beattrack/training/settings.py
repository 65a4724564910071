"""Settings of a training run: everything that decides its result, beside the data."""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

from beattrack.datasets.training import DatasetSpec, parse_spec
from beattrack.errors import SettingsError
from beattrack.network.settings import HarmonyPathSettings, NetworkSettings
from beattrack.runtime import checks
from beattrack.runtime.records import from_dict
from beattrack.training.examples.crop_settings import CropSettings

SETTINGS = "settings.json"  # in the folder of a run
_HARMONY_PATH = "network.harmony."

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


_POSITIVE, _AMOUNT = checks.positive(), checks.at_least(0)
_COUNT, _COUNT_OR_NONE = checks.positive(whole=True), checks.at_least(0, whole=True)


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """How the losses of the heads are computed, and what they are multiplied with before they are summed.

    tolerance: frames that a beat or downbeat may lie beside its label at no cost; with 0, labels are widened
        by a frame to either side instead.
    """

    beats: float = 1.0
    downbeats: float = 2.0
    tempo: float = 0.02
    tolerance: int = 0

    def __post_init__(self) -> None:
        weights = dict.fromkeys(("beats", "downbeats", "tempo"), _AMOUNT)
        checks.apply(self, {**weights, "tolerance": _COUNT_OR_NONE}, prefix="loss.")


@dataclass(frozen=True, kw_only=True)
class ValidationSettings:
    """How held-out songs are chosen and used.

    share: part of the groups (titles, artists) that is held out, taken as one in a whole number.
    folds, fold: with folds above 0, fold number `fold` (from 0) of so many is held out in place of the share.
    batches: batches of fixed crops whose losses are computed after every epoch.
    decode_every: epochs between two decodings of held-out songs; decode_songs: songs of each source then, of
        decode_seconds each. At the end of the run all of them are decoded in full.
    """

    share: float = 0.1
    folds: int = 0
    fold: int = 0
    batches: int = 12
    decode_every: int = 1
    decode_songs: int = 4
    decode_seconds: float = 60.0

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                **dict.fromkeys(("folds", "fold"), _COUNT_OR_NONE),
                **dict.fromkeys(("batches", "decode_every", "decode_songs"), _COUNT),
                "share": checks.between(0, 0.5, low_open=True),
                "decode_seconds": _POSITIVE,
            },
            prefix="validation.",
        )
        if self.fold and not self.folds:
            raise SettingsError("validation.fold needs the number of folds: validation.folds (--folds)")
        if self.folds and not (self.folds >= 2 and self.fold < self.folds):
            raise SettingsError(
                f"validation.fold must be from 0 to validation.folds - 1, with 2 or more folds, "
                f"not {self.fold} of {self.folds}"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """All of a run; the same settings and data give the same weights on the CPU.

    dataset: what to train on; weight is its share of the crops, relative to the other datasets' weights.
    steps: optimiser steps; steps_per_epoch: steps between two validations and checkpoints.
    batch: crops a step, over all devices together.
    learning_rate: peak, after warm_up steps and before a half cosine down to final_learning_rate of it.
    weight_decay: AdamW's, on matrices and kernels only. clip_norm: of the gradient.
    average_decay: of the running average of the weights, which is what gets validated and exported.
    patience: decodings without a better score after which training stops early, 0 for never.
    start: run folder, model file or name of a shipped model whose weights to begin with; empty for none.
    """

    dataset: tuple[DatasetSpec, ...] = ()
    seed: int = 1
    steps: int = 9000
    steps_per_epoch: int = 250
    batch: int = 8
    learning_rate: float = 3e-3
    final_learning_rate: float = 0.01
    warm_up: int = 200
    weight_decay: float = 1e-2
    clip_norm: float = 0.5
    average_decay: float = 0.998
    precision: Precision = "32-true"
    patience: int = 0
    start: str = ""
    loss: LossSettings = LossSettings()
    validation: ValidationSettings = ValidationSettings()
    crop: CropSettings = CropSettings()
    network: NetworkSettings = NetworkSettings()

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                **dict.fromkeys(("steps", "steps_per_epoch", "batch"), _COUNT),
                **dict.fromkeys(("seed", "warm_up", "patience"), _COUNT_OR_NONE),
                **dict.fromkeys(("learning_rate", "clip_norm"), _POSITIVE),
                **dict.fromkeys(("final_learning_rate", "weight_decay"), _AMOUNT),
                "average_decay": checks.between(0, 1, high_open=True),
                "dataset": checks.several(checks.instance(DatasetSpec), empty=True),
                "precision": checks.choice(get_args(Precision)),
                "start": checks.text(),
                "loss": checks.instance(LossSettings),
                "validation": checks.instance(ValidationSettings),
                "crop": checks.instance(CropSettings),
                "network": checks.instance(NetworkSettings),
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain JSON values."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain


def read_settings(path: Path | None, overrides: Sequence[tuple[str, Any]] = ()) -> TrainingSettings:
    """Settings from a TOML file or a run's settings.json, and overrides such as ("crop.frames", 1000).

    What neither names keeps its default. Raises SettingsError, naming the setting, for one that there is not
    or whose value is of the wrong type or out of range.
    """
    changes = [*(_leaves(_read(path)) if path is not None else ()), *overrides]
    record = TrainingSettings().to_dict()
    if any(name.startswith(_HARMONY_PATH) for name, _ in changes):
        # None by default, so that there is nothing yet that the settings of the path could change.
        record["network"]["harmony"] = json.loads(json.dumps(dataclasses.asdict(HarmonyPathSettings())))
    for name, value in changes:
        _put(record, name, value)
    try:
        return from_dict(TrainingSettings, record)
    except (TypeError, KeyError) as error:
        raise SettingsError(f"the settings cannot be read ({error})") from error


def parse_override(text: str) -> tuple[str, Any]:
    """Read `name=value`, its value written as in TOML; what is no TOML value is taken as text."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{text!r} is not of the form NAME=VALUE, such as crop.frames=1000")
    toml = _toml()
    try:
        return name.strip(), toml.loads(f"value = {value}")["value"]
    except toml.TOMLDecodeError:
        return name.strip(), value.strip()


def parse_dataset(text: str) -> dict[str, Any]:
    """Read `NAME` or `NAME@WEIGHT` as a table of the setting `dataset`."""
    spec = parse_spec(text)
    return {"name": spec.name, "weight": spec.weight}


def differences(ours: TrainingSettings, theirs: TrainingSettings) -> list[tuple[str, Any, Any]]:
    """Settings, by their dotted names, in which two runs differ, with both values."""
    one, other = dict(_leaves(ours.to_dict())), dict(_leaves(theirs.to_dict()))
    return [(name, one[name], other[name]) for name in one if one[name] != other.get(name)]


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        record: Any = json.loads(text) if path.suffix == ".json" else _toml().loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: cannot be read as settings ({error})") from error
    if not isinstance(record, dict):
        raise SettingsError(f"{path}: holds no settings")
    return record


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _put(record: dict[str, Any], name: str, value: Any) -> None:
    """Set one value by its dotted name and check its type."""
    known = dict(_leaves(record))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f": is {near[0]!r} meant?" if near else ""
        raise SettingsError(f"there is no setting {name!r}{hint}")
    *tables, last = name.split(".")
    for table in tables:
        record = record[table]
    before = record[last]
    if isinstance(before, bool | int | float | str):
        _check_scalar(name, before, value)
    elif name == "dataset":
        value = [{"weight": DatasetSpec.weight, **item} for item in _tables(name, value)]
    record[last] = value


def _tables(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SettingsError(f"the setting {name!r} must be a list of tables, such as [[{name}]] in TOML")
    return value


def _check_scalar(name: str, before: Any, value: Any) -> None:
    kinds = (int, float) if isinstance(before, float) else (type(before),)
    if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(before, bool)):
        raise SettingsError(f"the setting {name!r} must be of type {type(before).__name__}, not {value!r}")


def _toml() -> Any:
    return import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
