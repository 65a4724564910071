"""Settings of a training run. Together with the data, they determine its result."""

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
from beattrack.network.model_settings import ModelSettings
from beattrack.network.networks import network_settings
from beattrack.network.recurrent_settings import RecurrentSettings
from beattrack.network.settings import HarmonyPathSettings, NetworkSettings, TCNSettings
from beattrack.runtime import checks
from beattrack.runtime.records import from_dict
from beattrack.training.examples.crop_settings import CropSettings

SETTINGS = "settings.json"  # file in the folder of a run

# Parts of a network that may be missing, and their settings if they are put in.
_PARTS = {
    "harmony": HarmonyPathSettings(),
    "tcn": TCNSettings(),
    "recurrent": RecurrentSettings(),
}

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


NETWORK = network_settings("tcn")

_POSITIVE, _AMOUNT = checks.positive(), checks.at_least(0)
_COUNT, _COUNT_OR_NONE = checks.positive(whole=True), checks.at_least(0, whole=True)


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Weights of the losses of the heads, and the tolerance of two of them.

    Attributes:
        beats: weight of the beat loss.
        downbeats: weight of the downbeat loss.
        tempo: weight of the tempo loss.
        tolerance: frames by which a beat or downbeat may miss its label at no cost. With 0, labels are
            widened by one frame on both sides instead.
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
    """Choice and use of held-out songs. At the end of a run all of them are decoded in full.

    Attributes:
        share: share of the groups (titles, artists) that is held out, rounded to one in a whole number.
        folds: number of folds; if above 0, one fold is held out instead of `share`.
        fold: number of the held-out fold, from 0.
        batches: number of batches of fixed crops whose losses are computed after every epoch.
        decode_every: epochs between two decodings of held-out songs.
        decode_songs: songs of each source to decode then.
        decode_seconds: seconds of each of these songs to decode.
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
            raise SettingsError("validation.fold needs the number of folds; set validation.folds (--folds)")
        if self.folds and not (self.folds >= 2 and self.fold < self.folds):
            raise SettingsError(
                f"validation.fold must be from 0 to validation.folds - 1, with 2 or more folds, "
                f"not {self.fold} of {self.folds}"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """All settings of a run. On the CPU, the same settings and data give the same weights.

    Attributes:
        dataset: datasets to train on, with weights.
        seed: seed of all random numbers.
        steps: optimiser steps.
        steps_per_epoch: steps between two validations and checkpoints.
        batch: crops per step, over all devices together.
        learning_rate: peak of the learning rate.
        final_learning_rate: learning rate at the end, relative to the peak, after a cosine decay.
        warm_up: steps of linear warm-up.
        weight_decay: weight decay of AdamW, on matrices and kernels only.
        clip_norm: maximum norm of the gradient.
        average_decay: decay of the running average of the weights, which is validated and exported.
        precision: numerical precision, as in Lightning's Trainer.
        patience: decodings without a better score after which training stops; 0 for never.
        start: run folder, model file or name of a shipped model whose weights to start from; "" for none.
        loss: settings of the losses.
        validation: settings of the validation.
        crop: settings of the crops and their augmentation.
        network: settings of the network.

    Raises:
        SettingsError: if a value is out of range.
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
    network: NetworkSettings = NETWORK

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
        ModelSettings.of(self.network)  # raises if the network does not fit the views that songs have

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return _plain(self)


def read_settings(
    path: Path | None, overrides: Sequence[tuple[str, Any]] = (), *, network: NetworkSettings = NETWORK
) -> TrainingSettings:
    """Read settings from a file.

    Args:
        path: TOML file or settings.json of a run; None for the defaults. Settings that are not in the file
            keep their defaults.
        overrides: names and values that replace those of the file, such as ("crop.frames", 1000).
        network: network whose settings are the defaults of `network`.

    Raises:
        SettingsError: if the file cannot be read, a setting is unknown, or a value has the wrong type or is
            out of range. The message names the setting.
    """
    changes = [*(_leaves(_read(path)) if path is not None else ()), *overrides]
    record = TrainingSettings(network=network).to_dict()
    for name, value in changes:
        if not _switch_part(record["network"], name, value):
            _put(record, name, value)
    try:
        return from_dict(TrainingSettings, record)
    except (TypeError, KeyError) as error:
        raise SettingsError(f"the settings cannot be read ({error})") from error


def read_network(path: Path) -> NetworkSettings:
    """Read the settings of a network from the table [network] of a TOML file or the settings.json of a run.

    Raises:
        SettingsError: as `read_settings`, or if the file has no such table.
    """
    record = _read(path)
    if not isinstance(record.get("network"), Mapping):
        raise SettingsError(f"{path}: has no table [network]")
    return read_settings(None, list(_leaves({"network": record["network"]}))).network


def _switch_part(network: dict[str, Any], name: str, value: Any) -> bool:
    """Take a part out of the settings of the network, or put it in before a setting of its own is set.

    Returns:
        Whether the setting is that of the whole part, such as `network.harmony = false`.
    """
    table, _, rest = name.partition(".")
    part, _, own = rest.partition(".")
    if table != "network" or part not in _PARTS:
        return False
    if not (own or value is None or isinstance(value, bool)):
        raise SettingsError(f"{name} must be true or false, not {checks.shown(value)}; set {name}.NAME")
    if not own and not value:
        network[part] = None
    elif not own or network[part] is None:
        network[part] = _plain(_PARTS[part])
    return not own


def parse_override(text: str) -> tuple[str, Any]:
    """Read an override `NAME=VALUE`. The value is TOML; if it is not valid TOML, it is taken as text.

    Raises:
        SettingsError: if the text does not have this form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{text!r} must have the form NAME=VALUE, such as crop.frames=1000")
    toml = _toml()
    try:
        return name.strip(), toml.loads(f"value = {value}")["value"]
    except toml.TOMLDecodeError:
        return name.strip(), value.strip()


def parse_dataset(text: str) -> dict[str, Any]:
    """Read `NAME` or `NAME@WEIGHT` as an entry of the setting `dataset`."""
    spec = parse_spec(text)
    return {"name": spec.name, "weight": spec.weight}


def differences(ours: TrainingSettings, theirs: TrainingSettings) -> list[tuple[str, Any, Any]]:
    """Return the settings in which two runs differ: dotted name, our value, their value."""
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
    """Set a value by its dotted name; raise SettingsError if the name is unknown or the type wrong."""
    known = dict(_leaves(record))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
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


def _plain(settings: Any) -> dict[str, Any]:
    """Return a dataclass of settings as plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return plain


def _toml() -> Any:
    return import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
