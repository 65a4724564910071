from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from beattrack import registry
from beattrack.errors import ModelError
from beattrack.registry import ModelCard, UnknownModelError, find, models_folder, shipped

WEIGHTS = b"not really a network"


def make_card(name: str = "small", **changes: Any) -> dict[str, Any]:
    scores = {"f": 0.88, "cmlt": 0.8, "amlt": 0.92}
    card = {
        "schema_version": 1,
        "name": name,
        "description": "A model for tests.",
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
        "licence": "MIT",
        "data": [{"name": "groove", "hours": 1.5, "licence": "CC BY 4.0", "source": "https://example.org"}],
        "trained_on_datasets": ["groove"],
        "parameters": 72262,
        "receptive_field_frames": 16381,
        "fps": 100,
        "seed": 1,
        "commit": "0123abc",
        "recipe": "small.toml",
        "date": "2026-11-23",
        "metrics": [
            {
                "dataset": "GTZAN",
                "files": 50,
                "trim_s": 0,
                "system": "dbn, defaults",
                "beats": scores,
                "downbeats": None,
                "tempo": {"acc1": 0.83, "acc2": 0.95},
                "per_genre": {"blues": {"beats": scores, "downbeats": None}},
            }
        ],
    }
    return {**card, **changes}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models with two models, `large` and `small`."""
    for name in ("small", "large"):
        (tmp_path / f"{name}.onnx").write_bytes(WEIGHTS)
        (tmp_path / f"{name}.json").write_text(json.dumps(make_card(name)))
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    return tmp_path


def test_a_card_says_what_its_json_says() -> None:
    card = ModelCard.from_dict(make_card())
    assert card.receptive_field_seconds == pytest.approx(163.81)
    assert card.data[0].hours == 1.5
    assert card.metrics[0].beats["f"] == 0.88
    assert card.to_dict() == make_card()


def test_genres_are_optional() -> None:
    score = {key: value for key, value in make_card()["metrics"][0].items() if key != "per_genre"}
    record = make_card(metrics=[score])
    assert ModelCard.from_dict(record).to_dict() == record


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema version 1"),
        ({"sha265": "x"}, "unknown key 'sha265'"),
        ({"seed": "1"}, "the model card: seed: expected a whole number, not '1'"),
        ({"parameters": True}, "parameters: expected a whole number, not True"),
        ({"data": {"name": "groove"}}, "data: expected a list"),
        ({"data": ["groove"]}, "data: expected a JSON object"),
        ({"data": [{"name": "groove"}]}, "data: no key 'hours'"),
        ({"metrics": [{"dataset": "GTZAN", "bets": {}}]}, "metrics: unknown key 'bets'"),
        ({"trained_on_datasets": ["groove", 3]}, "trained_on_datasets: expected text, not 3"),
        (
            {"metrics": [{**make_card()["metrics"][0], "tempo": {"acc1": "high"}}]},
            "metrics.tempo: expected a number",
        ),
        ({"fps": 0}, "fps must be a positive number"),
    ],
)
def test_a_card_that_breaks_the_schema_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ModelCard.from_dict(make_card(**changes))


def test_a_card_needs_every_key() -> None:
    for key in make_card():
        record = make_card()
        del record[key]
        with pytest.raises(
            ModelError, match="schema version" if key == "schema_version" else f"no key '{key}'"
        ):
            ModelCard.from_dict(record)


@pytest.mark.parametrize("text", ["", "{", "[]", '"card"'])
def test_a_damaged_card_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"broken\.json"):
        ModelCard.load(path)


def test_shipped_models_are_listed_by_name(folder: Path) -> None:
    assert [(model.name, model.path) for model in shipped()] == [
        ("large", folder / "large.onnx"),
        ("small", folder / "small.onnx"),
    ]


def test_find_by_name_and_by_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = find("small")
    assert (model.name, model.path) == ("small", folder / "small.onnx")
    assert model.card is not None
    for given in (folder / "small.onnx", str(folder / "small.onnx")):
        assert find(given) == model
    monkeypatch.chdir(folder)
    assert find("small.onnx").card == model.card


def test_a_model_of_ones_own_needs_no_card(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine").write_bytes(b"anything")
    monkeypatch.chdir(folder)
    model = find("mine")
    assert (model.name, model.card) == ("mine", None)


def test_an_unknown_name_lists_the_models(folder: Path) -> None:
    with pytest.raises(
        UnknownModelError, match=r"no model is called 'medium'; use a shipped model \(large, small\)"
    ):
        find("medium")


def test_without_models_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    with pytest.raises(UnknownModelError, match="none in this installation"):
        find("tcn")


@pytest.mark.parametrize("given", ["absent.onnx", "folder/absent", Path("absent")])
def test_a_missing_file_is_named(given: str | Path) -> None:
    with pytest.raises(UnknownModelError, match=r"absent(\.onnx)?: there is no such model file"):
        find(given)


def test_a_file_that_is_not_the_one_on_the_card_is_refused(folder: Path) -> None:
    (folder / "small.onnx").write_bytes(WEIGHTS[:-1])
    with pytest.raises(ModelError, match=r"small\.onnx: is damaged"):
        find("small")


def test_a_card_without_its_file_is_refused(folder: Path) -> None:
    (folder / "small.onnx").unlink()
    with pytest.raises(ModelError, match=r"small\.onnx: cannot be read"):
        find("small")


def test_the_models_shipped_with_this_version_are_whole() -> None:
    assert models_folder().is_dir()
    for model in shipped():
        model.verify()
        assert model.card is not None
        assert model.card.file == model.path.name
        assert model.card.name == model.path.stem
