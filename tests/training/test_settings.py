"""Settings of a run: files, overrides, and sentences about what is wrong with them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from beattrack.errors import SettingsError
from beattrack.network.recurrent_settings import RecurrentSettings
from beattrack.network.settings import HarmonyPathSettings
from beattrack.training.settings import (
    TrainingSettings,
    differences,
    parse_dataset,
    parse_override,
    read_settings,
)

TOML = """
steps = 100
learning_rate = 1e-3

[crop]
frames = 1000
tempo_factor = [0.8, 1.2]

[network]
sum_head = true

[network.tcn]
dilations = [1, 2, 4]

[[dataset]]
name = "gtzan"

[[dataset]]
name = "rendered:/music"
weight = 0.4
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def test_a_file_changes_what_it_names_and_an_override_beats_it(config: Path) -> None:
    settings = read_settings(config, [("steps", 50), ("crop.pitch_bands", 2)])
    default = TrainingSettings()
    assert (settings.steps, settings.learning_rate, settings.batch) == (50, 1e-3, default.batch)
    assert (settings.crop.frames, settings.crop.pitch_bands) == (1000, 2)
    assert settings.crop.tempo_factor == (0.8, 1.2)
    assert settings.network.sum_head
    assert settings.network.tcn.dilations == (1, 2, 4)
    assert [(item.name, item.weight) for item in settings.dataset] == [
        ("gtzan", 1.0),
        ("rendered:/music", 0.4),
    ]


def test_settings_survive_a_run_folder(config: Path, tmp_path: Path) -> None:
    settings = read_settings(config)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings.to_dict()), encoding="utf-8")
    assert read_settings(path) == settings
    assert differences(settings, read_settings(path)) == []
    changed = read_settings(path, [("crop.frames", 7), ("seed", 5)])
    assert differences(settings, changed) == [("seed", 1, 5), ("crop.frames", 1000, 7)]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "crop.level.halve_probabilty",
            0.5,
            "no setting 'crop.level.halve_probabilty'; did you mean 'crop.level.halve_probability'",
        ),
        ("nothing.like.it", 1, "no setting 'nothing.like.it'"),
        ("crop", 1, "no setting 'crop'"),
        ("steps", 1.5, "'steps' must be of type int"),
        ("steps", True, "'steps' must be of type int"),
        ("learning_rate", "fast", "'learning_rate' must be of type float"),
        ("steps", 0, "steps must be a positive whole number, not 0"),
        ("seed", -1, "seed must be at least 0, not -1"),
        ("precision", "8-bit", "8-bit"),
        ("crop.tempo_factor", 1.0, "expected a list"),
        ("validation.share", 0.9, "validation.share"),
        ("validation.folds", 4.0, "'validation.folds' must be of type int"),
        ("average_decay", 1.0, "average_decay"),
        ("dataset", [{"name": "gtzan", "weight": -1.0}], "weight must be a positive number, not -1.0"),
        ("dataset", [{"nam": "gtzan"}], "nam"),
        ("dataset", "gtzan", "'dataset' must be a list of tables"),
        ("network.front_end.channels", 8, "as many channels as front-end and harmony path together"),
        ("network.harmony.ratio", 5, "must have 5 frames per frame of the harmony view"),
        ("network.harmony", "yes", "must be true or false"),
        ("network.front_end.channels", -3, "channels must be a positive whole number, not -3"),
        ("loss.beats", -1.0, "loss.beats must be at least 0, not -1.0"),
        ("validation.fold", 2, "needs the number of folds"),
        ("crop.frames", 0, "crop.frames must be at least 1"),
        ("crop.time_mask_frames", 4, "crop.time_mask_frames must be at least 5"),
        ("crop.band_mask_bands", 0, "crop.band_mask_bands must be at least 1"),
        ("crop.bass_bands", 3, "crop.bass_bands must be at least 4"),
        ("crop.pitch_bands", -1, "crop.pitch_bands must be at least 0, not -1"),
        ("crop.tempo_factor", [0.7], "crop.tempo_factor must be 2 values"),
        ("crop.tempo_factor", [1.4, 0.7], "crop.tempo_factor must be a range"),
        ("crop.tempo_bpm", 0.0, "crop.tempo_bpm must be a positive number"),
        ("crop.metre_probability", 1.5, "crop.metre_probability must be from 0 to 1"),
        ("crop.level.halve_probability", -0.1, "crop.level.halve_probability must be from 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(None, [(name, value)])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "message"), [("steps = ", "cannot be read"), ("a = 1", "no setting 'a'")])
def test_a_file_that_is_no_config_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        read_settings(path)
    with pytest.raises(SettingsError, match=r"none\.toml"):
        read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=1", 1), ("a=0.5", 0.5), ("a = true", True), ("a=[1, 2]", [1, 2]), ("a=tcn", "tcn"), ('a="1"', "1")],
)
def test_overrides_are_read_as_toml_and_else_as_text(text: str, value: object) -> None:
    assert parse_override(text) == ("a", value)
    assert type(parse_override(text)[1]) is type(value)


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(SettingsError, match="NAME=VALUE"):
        parse_override("steps")


def test_a_dataset_may_have_a_weight() -> None:
    assert parse_dataset("gtzan") == {"name": "gtzan", "weight": 1.0}
    assert parse_dataset("rendered:/a@b@0.4") == {"name": "rendered:/a@b", "weight": 0.4}


def test_every_setting_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")

    def names(record: dict[str, Any], prefix: str) -> list[str]:
        parts = [
            names(v, f"{prefix}{k}.") if isinstance(v, dict) else [prefix + k] for k, v in record.items()
        ]
        return [name for part in parts for name in part]

    parts = ("network.front_end", "network.tcn", "network.harmony", "network.recurrent")
    harmony = names(dataclasses.asdict(HarmonyPathSettings()), "network.harmony.")
    recurrent = names(dataclasses.asdict(RecurrentSettings()), "network.recurrent.")
    for name in [*names(TrainingSettings().to_dict(), ""), *harmony, *recurrent]:
        if name == "network.recurrent":  # not a value: a table that is missing by default
            continue
        table, _, last = name.rpartition(".")
        shown = f"`{last}`" if table in parts else f"`{name}`"
        assert shown in page or name == "dataset", name


def test_the_example_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    settings = read_settings(tmp_path / "a.toml")
    assert [item.name for item in settings.dataset] == ["folder:music", "gtzan"]
    assert (settings.loss.downbeats, settings.network.sum_head) == (3.0, True)
