"""The shipped models and their cards.

A model is a pair of files, `NAME.onnx` and its card `NAME.json`. The card is a JSON object with the following
keys, all required unless marked optional; other keys are an error:

    schema_version          1
    name                    "tcn"
    description             one sentence
    file                    "tcn.onnx", in the folder of the card
    sha256                  of that file, 64 hexadecimal digits
    licence                 of the weights, such as "MIT"
    data                    [{"name", "hours", "licence", "source"}, ...], the training data
    trained_on_datasets     ["name", ...], evaluation datasets seen in training, whose scores do not count
    parameters              number of trained parameters
    receptive_field_frames  number of input frames that an output frame depends on, null if without limit
    fps                     frames per second
    seed, commit, recipe    to reproduce it: random seed, commit of the source, name of the recipe
    date                    "2026-11-23"
    metrics                 [{"dataset", "files", "trim_s", "system", "beats": {"f", "cmlt", "amlt"},
                              "downbeats": {"f", "cmlt", "amlt"} or null, "tempo": {"acc1", "acc2"} or null,
                              "per_genre": {genre: {"beats": {...}, "downbeats": {...} or null}}}, ...]
                            with scores from 0 to 1; `system` names decoder and settings; `per_genre` is
                            optional

Shipped models are in `beattrack/models` of an installed package, or in `models` of a source checkout.
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
    """Training data of a model; see the schema above."""

    name: str
    hours: float
    licence: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Score:
    """Scores on one dataset, from 0 to 1; see the schema above."""

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
    """The card of a model; see the schema above."""

    name: str
    description: str
    file: str
    sha256: str
    licence: str
    data: tuple[DataSource, ...]
    trained_on_datasets: tuple[str, ...]
    parameters: int
    receptive_field_frames: int | None
    fps: float
    seed: int
    commit: str
    recipe: str
    date: str
    metrics: tuple[Score, ...]

    @property
    def receptive_field_seconds(self) -> float | None:
        """Seconds of input that an output frame depends on; None if without limit."""
        return None if self.receptive_field_frames is None else self.receptive_field_frames / self.fps

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ModelCard:
        """Read a card from a file.

        Raises:
            ModelError: if the file cannot be read or violates the schema; the message names the file.
        """
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
        """Read a card from its JSON object.

        Raises:
            ModelError: if the object violates the schema.
        """
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
        """Return the card as a JSON object."""
        record = json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))
        for score in record["metrics"]:
            if score["per_genre"] is None:
                del score["per_genre"]
        return {"schema_version": CARD_SCHEMA_VERSION, **record}


@dataclass(frozen=True)
class Model:
    """A model on this machine.

    Attributes:
        name: name of the model.
        path: file of the network.
        card: card of the model; None if there is none.
    """

    name: str
    path: Path
    card: ModelCard | None

    def verify(self) -> None:
        """Check the file against the card, if there is one.

        Raises:
            ModelError: if the file cannot be read or differs from the one that the card describes.
        """
        if self.card is None:
            return
        try:
            digest = sha256_of(self.path)
        except OSError as error:
            raise ModelError(f"{self.path}: cannot be read ({error.strerror})") from error
        if digest != self.card.sha256.lower():
            raise ModelError(f"{self.path}: is damaged or not the file that its model card describes")


def shipped() -> tuple[Model, ...]:
    """Return the shipped models, sorted by name.

    Raises:
        ModelError: if a card is damaged.
    """
    paths = sorted(models_folder().glob("*.json"), key=lambda path: path.stem)
    cards = {path: ModelCard.load(path) for path in paths}
    return tuple(Model(card.name, path.parent / card.file, card) for path, card in cards.items())


def find(name_or_path: str | os.PathLike[str]) -> Model:
    """Return a model, after a check of its file against its card.

    Args:
        name_or_path: name of a shipped model, or path of a model file, whose card is beside it or missing.
            Text is a path if it ends in `.onnx`, contains a separator, or is no name but an existing file.

    Raises:
        UnknownModelError: if there is no such model; the message lists the shipped models.
        ModelError: if the model or its card is damaged.
        SettingsError: if the argument is neither a name nor a path.
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
    """Return the folder of the shipped models, in the installed package or else in the source checkout."""
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
    raise UnknownModelError(
        f"no model is called {name!r}; use a shipped model ({known}) or the path of a model file"
    )


def _from_path(path: Path) -> Model:
    if not path.is_file():
        raise UnknownModelError(f"{path}: there is no such model file")
    card = path.with_suffix(".json")
    return Model(path.stem, path, ModelCard.load(card) if card != path and card.is_file() else None)


def _looks_like_path(name: str) -> bool:
    return Path(name).suffix == ".onnx" or os.sep in name or (os.altsep or os.sep) in name
