"""The models that are shipped, and the card that describes each.

A model is a pair of files, `NAME.onnx` and its card `NAME.json`. The card is a JSON object with these keys,
all required unless marked optional; a key of any other name is an error:

    schema_version          1
    name                    "tcn"
    description             one sentence
    file                    "tcn.onnx", beside the card
    sha256                  of that file, 64 hexadecimal digits
    licence                 of the weights, such as "MIT"
    data                    [{"name", "hours", "licence", "source"}, ...] what it was trained on
    trained_on_datasets     ["name", ...] of evaluation datasets seen in training, whose scores are void
    parameters              number of trained parameters
    receptive_field_frames  frames of input that one output frame sees
    fps                     frames per second
    seed, commit, recipe    what reproduces it: random seed, commit of the source, name of the recipe
    date                    "2026-11-23"
    metrics                 [{"dataset", "files", "trim_s", "system", "beats": {"f", "cmlt", "amlt"},
                              "downbeats": {"f", "cmlt", "amlt"} or null, "tempo": {"acc1", "acc2"} or null,
                              "per_genre": {genre: {"beats": {...}, "downbeats": {...} or null}}}, ...]
                            all scores in 0..1; `system` names decoder and settings; `per_genre` is optional

Shipped models lie in `beattrack/models` of an installed package, in `models` of a source checkout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from beattrack.errors import ModelError
from beattrack.runtime import checks
from beattrack.runtime.files import sha256_of
from beattrack.runtime.records import from_dict

DEFAULT_MODEL = "tcn"
CARD_SCHEMA_VERSION = 1

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class UnknownModelError(ModelError):
    """No model has this name or path."""


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Something a model was trained on: hours of audio, its licence and where it comes from."""

    name: str
    hours: float
    licence: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Score:
    """Scores on one dataset, all in 0..1; see the schema above."""

    dataset: str
    files: int
    trim_s: float
    system: str
    beats: Mapping[str, float]
    downbeats: Mapping[str, float] | None
    tempo: Mapping[str, float] | None
    per_genre: Mapping[str, Mapping[str, Mapping[str, float] | None]] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of a model; the fields are those of the schema above."""

    name: str
    description: str
    file: str
    sha256: str
    licence: str
    data: tuple[DataSource, ...]
    trained_on_datasets: tuple[str, ...]
    parameters: int
    receptive_field_frames: int
    fps: float
    seed: int
    commit: str
    recipe: str
    date: str
    metrics: tuple[Score, ...]

    @property
    def receptive_field_seconds(self) -> float:
        """Seconds of input that one output frame sees."""
        return self.receptive_field_frames / self.fps

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ModelCard:
        """Read a card; ModelError, naming the file, where it cannot be read or breaks the schema."""
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{os.fspath(path)}: the model card cannot be read ({error})") from error
        try:
            return cls.from_dict(record)
        except ModelError as error:
            raise ModelError(f"{os.fspath(path)}: {error}") from error

    @classmethod
    def from_dict(cls, record: Any) -> ModelCard:
        """Read a card from its JSON object; ModelError where that breaks the schema."""
        if not isinstance(record, Mapping) or record.get("schema_version") != CARD_SCHEMA_VERSION:
            raise ModelError(f"not a model card of schema version {CARD_SCHEMA_VERSION}")
        values = {key: value for key, value in record.items() if key != "schema_version"}
        try:
            card = from_dict(cls, values)
        except TypeError as error:
            raise ModelError(f"the model card: {error}") from error
        if card.fps <= 0:
            raise ModelError("the model card: fps must be a positive number")
        if not _SHA256.fullmatch(card.sha256):
            raise ModelError("the model card: sha256 must be 64 hexadecimal digits")
        if Path(card.file).name != card.file or "\0" in card.file:
            raise ModelError("the model card: file must be the name of a file beside the card")
        return card

    def to_dict(self) -> dict[str, Any]:
        """Give the card as its JSON object."""
        record = json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))
        for score in record["metrics"]:
            if score["per_genre"] is None:
                del score["per_genre"]
        return {"schema_version": CARD_SCHEMA_VERSION, **record}


@dataclass(frozen=True)
class Model:
    """A model on this machine: its name, the file of its network and its card, None where it has none."""

    name: str
    path: Path
    card: ModelCard | None

    def verify(self) -> None:
        """Compare the file with the card, where there is one; ModelError where the two differ."""
        if self.card is None:
            return
        try:
            digest = sha256_of(self.path)
        except OSError as error:
            raise ModelError(f"{self.path}: cannot be read ({error.strerror})") from error
        if digest != self.card.sha256.lower():
            raise ModelError(f"{self.path}: is damaged or not the file that its model card describes")


def shipped() -> tuple[Model, ...]:
    """List the shipped models by name; ModelError where a card is damaged."""
    cards = {path: ModelCard.load(path) for path in sorted(models_folder().glob("*.json"))}
    return tuple(Model(card.name, path.parent / card.file, card) for path, card in cards.items())


def find(name_or_path: str | os.PathLike[str]) -> Model:
    """Give a model by the name of a shipped one or the path of a file, verified against its card.

    A path is what ends in `.onnx`, holds a separator, or exists; a file's card lies beside it, if anywhere.
    Raises UnknownModelError, naming the models there are, where there is none such, ModelError where it is
    damaged, SettingsError for what is neither name nor path.
    """
    checks.instance(str, os.PathLike, called="the name or path of a model")("model", name_or_path)
    name = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and not _looks_like_path(name):
        model = _shipped_named(name)
    else:
        model = _from_path(Path(name))
    model.verify()
    return model


def models_folder() -> Path:
    """Give the folder of the shipped models: in the installed package, else in the source checkout."""
    package = Path(str(resources.files("beattrack")))
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def _shipped_named(name: str) -> Model:
    models = {model.name: model for model in shipped()}
    if name in models:
        return models[name]
    if Path(name).is_file():
        return _from_path(Path(name))
    known = ", ".join(models) or "none in this installation"
    raise UnknownModelError(f"no model is called {name!r}: there are {known}, or give a file's path")


def _from_path(path: Path) -> Model:
    if not path.is_file():
        raise UnknownModelError(f"{path}: there is no such model file")
    card = path.with_suffix(".json")
    return Model(path.stem, path, ModelCard.load(card) if card != path and card.is_file() else None)


def _looks_like_path(name: str) -> bool:
    return Path(name).suffix == ".onnx" or os.sep in name or (os.altsep or os.sep) in name
