from __future__ import annotations

import json
from pathlib import Path

import pytest

from beattrack import registry
from tests.cli_cases import lines, run


def test_models_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.test_registry import WEIGHTS, make_card

    (tmp_path / "small.onnx").write_bytes(WEIGHTS)
    (tmp_path / "small.json").write_text(json.dumps(make_card()))
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    text = run("models").stdout
    for part in (
        "small: A model for tests.",
        "MIT",
        "groove (1.5 h, CC BY 4.0)",
        "72262",
        "16381 frames (163.8 s)",
        "GTZAN, 50 files",
        "f 88.0  cmlt 80.0  amlt 92.0",
        "acc1 83.0  acc2 95.0",
    ):
        assert part in text
    assert json.loads(run("models", "--json").stdout) == [{**make_card(), "bytes": len(WEIGHTS)}]


def test_models_shipped_with_this_version_are_listed() -> None:
    result = run("models")
    assert result.exit_code == 0
    assert "tcn: " in result.stdout
    assert [card["name"] for card in json.loads(run("models", "--json").stdout)] == ["tcn", "tcn-causal"]


def test_no_models_and_damaged_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    assert run("models").stdout == "No models are shipped with this installation.\n"
    assert json.loads(run("models", "--json").stdout) == []
    (tmp_path / "tcn.json").write_text("{")
    result = run("models")
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert "tcn.json" in result.stderr
