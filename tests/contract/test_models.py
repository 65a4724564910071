"""The contract: a model file that is none of ours, or damaged, ends in one sentence."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.errors import ModelError
from beattrack.network.inference import load_network
from beattrack.network.model_settings import METADATA_KEY, ModelSettings
from beattrack.network.onnx_engine import MAX_MODEL_BYTES
from beattrack.registry import ModelCard, find, models_folder
from tests.audio_cases import posix_only
from tests.cli_cases import lines, run


def one_sentence(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_network(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def graph(path: Path, settings: str | None, *, inputs: tuple[str, ...], size: int = 1) -> Path:
    """An ONNX file whose network adds its inputs up."""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [make.make_tensor_value_info(name, kind, [size]) for name in inputs]
    results = [make.make_tensor_value_info("sum", kind, [size])]
    nodes = [make.make_node("Sum", list(inputs), ["sum"])]
    model = make.make_model(
        make.make_graph(nodes, "foreign", values, results),
        opset_imports=[make.make_opsetid("", 17)],
        ir_version=8,
    )
    if settings is not None:
        make.set_model_props(model, {METADATA_KEY: settings})
    onnx.save(model, str(path))
    return path


def test_a_foreign_network(tmp_path: Path) -> None:
    message = one_sentence(graph(tmp_path / "a.onnx", None, inputs=("x",)))
    assert "is an ONNX model, but not a beattrack model" in message


@pytest.mark.parametrize("inputs", [("x", "y"), ("spectrogram", "features")])
def test_a_foreign_network_that_says_it_is_ours(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    message = one_sentence(graph(tmp_path / "a.onnx", ModelSettings().to_json(), inputs=inputs))
    assert "its network does not match its settings" in message


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"format": 2}', "[" * 100_000, ModelSettings().to_json().replace("100", "1e999")],
    ids=["empty", "no format", "list", "other format", "deep", "infinite"],
)
def test_settings_that_are_none(tmp_path: Path, text: str) -> None:
    one_sentence(graph(tmp_path / "a.onnx", text, inputs=("x",)))


@pytest.mark.parametrize("number", [0, -1, 10**30])
def test_no_number_among_the_settings_breaks_the_reader(number: int) -> None:
    text = ModelSettings().to_json()
    for match in re.finditer(r"(?<=[:\[ ])\d+(?=[,}\]])", text):
        changed = text[: match.start()] + str(number) + text[match.end() :]
        with contextlib.suppress(ModelError):
            ModelSettings.from_json(changed)


def test_settings_of_a_network_of_another_size(tmp_path: Path) -> None:
    record: dict[str, Any] = json.loads(ModelSettings().to_json())
    record["network"]["tcn"]["channels"] = 2**40
    one_sentence(graph(tmp_path / "a.onnx", json.dumps(record), inputs=("spectrogram", "features")))


@posix_only
def test_a_file_of_any_size_is_refused_at_once(tmp_path: Path) -> None:
    with (tmp_path / "a.onnx").open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)  # sparse
    assert "is too large for a model" in one_sentence(tmp_path / "a.onnx")


def test_a_pickle_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\x80\x04\x95cos\nsystem\n(S'touch sprung'\ntR.")
    one_sentence(tmp_path / "a.onnx")
    assert os.listdir(tmp_path) == ["a.onnx"]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_model_is_refused_or_runs(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Without a card, whose sum would tell, a changed weight cannot be seen."""
    content = bytearray(find("tcn").path.read_bytes())
    at = data.draw(st.integers(0, 3000) | st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 100))] = data.draw(st.binary(max_size=100))
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    try:
        network = load_network(path, threads=1)
    except ModelError as error:
        message = str(error)
    else:
        message = f"{path}: " if network.settings is not None else ""
    assert message.startswith(f"{path}: ")


def copied(folder: Path) -> Path:
    for suffix in (".onnx", ".json"):
        shutil.copy(models_folder() / f"tcn{suffix}", folder / f"mine{suffix}")
    record = json.loads((folder / "mine.json").read_text())
    (folder / "mine.json").write_text(json.dumps({**record, "file": "mine.onnx"}))
    return folder / "mine.onnx"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def break_card(path: Path) -> None:
    path.with_suffix(".json").write_text("{")


@pytest.mark.parametrize(
    ("change", "says"),
    [(flip, "is damaged or not the file that its model card describes"), (break_card, "card cannot be read")],
)
def test_the_sum_on_the_card_is_checked(
    tmp_path: Path, clip: Path, change: Callable[[Path], None], says: str
) -> None:
    model = copied(tmp_path)
    assert run("predict", "--quiet", "--model", model, clip).exit_code == 0
    change(model)
    result = run("predict", "--model", model, clip)
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert says in result.stderr


PLAIN = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_card_is_one_or_refused(data: st.DataObject) -> None:
    from tests.test_registry import make_card

    card = make_card()
    record: Any = card
    while isinstance(record, dict | list) and record and data.draw(st.booleans()):
        inside = record
        key = data.draw(
            st.sampled_from(sorted(record) if isinstance(record, dict) else list(range(len(record))))
        )
        record = record[key]
    if record is not card:
        inside[key] = data.draw(PLAIN)
    try:
        read = ModelCard.from_dict(card)
    except ModelError as error:
        message = str(error)
    else:
        message = json.dumps(read.to_dict(), allow_nan=False)
    assert message
    assert "\n" not in message
