"""Every settings class of the package takes and refuses values by the same rules."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest

from beattrack.audio import Excerpt
from beattrack.datasets.training import DatasetSpec
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.decoding.online import OnlineSettings
from beattrack.decoding.peaks import PeakSettings
from beattrack.errors import SettingsError
from beattrack.evaluation.run import RunSettings
from beattrack.evaluation.score import ScoreSettings
from beattrack.gridding import Grid, GridPiece
from beattrack.harmony import HarmonySettings
from beattrack.live.pcm import RawFormat
from beattrack.network.model_settings import ModelSettings
from beattrack.network.receptive_field import StackSettings
from beattrack.network.recurrent_settings import RecurrentSettings
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings
from beattrack.plot import PlotSettings
from beattrack.rendering.settings import (
    CheckSettings,
    EffectSettings,
    PerformanceSettings,
    RenderSettings,
    SynthesisSettings,
)
from beattrack.sonify import ClickSettings
from beattrack.spectrogram import SpectrogramSettings
from beattrack.tempo import Tempo, TempoCandidate
from beattrack.training.examples.crop_settings import CropSettings
from beattrack.training.examples.metrical_level import LevelSettings
from beattrack.training.settings import LossSettings, TrainingSettings, ValidationSettings

SETTINGS: list[Any] = [
    DBNSettings(num_tempi=60, tempo_prior=TempoPrior(120.0, 1.0)),
    Anchors((1.0, 2.0), (1, None)),
    TempoPrior(120.0, 1.0),
    OnlineSettings(),
    PeakSettings(),
    SpectrogramSettings(),
    HarmonySettings(),
    FrontEndSettings(),
    HarmonyPathSettings(),
    ModelSettings(),
    TCNSettings(),
    RecurrentSettings(),
    NetworkSettings(),
    StackSettings(),
    LevelSettings(),
    CropSettings(),
    LossSettings(),
    ValidationSettings(),
    TrainingSettings(dataset=(DatasetSpec(name="gtzan"),)),
    DatasetSpec(name="gtzan"),
    PerformanceSettings(),
    SynthesisSettings(),
    EffectSettings(),
    CheckSettings(),
    RenderSettings(),
    ScoreSettings(),
    RunSettings(),
    ClickSettings(),
    RawFormat(sample_rate=44100),
    PlotSettings(),
    TempoCandidate(120.0, 1.0),
    Tempo(120.0, (TempoCandidate(120.0, 1.0),), 0.01),
    GridPiece(0.0, 10.0, 120.0, 0.5, 20),
    Grid(True, "gridable", (GridPiece(0.0, 10.0, 120.0, 0.5, 20),), (0.001, None)),
    Excerpt(1.0),
]
FIELDS = [
    pytest.param(settings, field.name, id=f"{type(settings).__name__}.{field.name}")
    for settings in SETTINGS
    for field in dataclasses.fields(settings)
]
NUMBERS = [
    pytest.param(*field.values, id=field.id)
    for field in FIELDS
    if isinstance(getattr(*field.values), int | float)  # type: ignore[call-overload]
    and not isinstance(getattr(*field.values), bool)  # type: ignore[call-overload]
]
# Nothing of these is a value of any setting, but for text.
WRONG = [object(), 1j, {"a": 1}, [[1.0]], math.nan, math.inf, -math.inf, np.float32("nan"), [math.nan, 1.0]]


def refused(settings: Any, name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as raised:
        dataclasses.replace(settings, **{name: value})
    message = str(raised.value)
    assert name in message
    assert "\n" not in message
    assert not message.endswith(".")


@pytest.mark.parametrize(("settings", "name"), FIELDS)
def test_values_of_no_sense_are_refused_by_name(settings: Any, name: str) -> None:
    for value in WRONG:
        refused(settings, name, value)
    if not isinstance(getattr(settings, name), str):
        refused(settings, name, "3")


@pytest.mark.parametrize(("settings", "name"), NUMBERS)
def test_numbers_are_neither_text_nor_truth_nor_nothing(settings: Any, name: str) -> None:
    values: list[Any] = [True, np.False_, b"3", np.array(3)]
    for value in values if name in ("num_tempi", "stability") else [*values, None]:
        refused(settings, name, value)
    if not name.endswith("level"):  # in decibels, of any sign
        refused(settings, name, -1e6)
    if {field.name: str(field.type) for field in dataclasses.fields(settings)}[name].startswith("int"):
        refused(settings, name, 2.5)


@pytest.mark.parametrize(("settings", "name"), NUMBERS)
def test_numbers_of_numpy_are_numbers(settings: Any, name: str) -> None:
    value = getattr(settings, name)
    taken = dataclasses.replace(settings, **{name: np.asarray(value)[()]})
    assert taken == settings
    assert hash(taken) == hash(settings)
    assert type(getattr(taken, name)) is type(value)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: type(settings).__name__)
def test_settings_are_values(settings: Any) -> None:
    for other in (copy.copy(settings), copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):
        assert other == settings
        assert hash(other) == hash(settings)


def test_sequences_of_numpy_are_tuples() -> None:
    assert CropSettings(tempo_factor=np.array([0.5, 2.0])) == CropSettings(tempo_factor=(0.5, 2.0))  # type: ignore[arg-type]
    assert TCNSettings(dilations=[1, 2]) == TCNSettings(dilations=(1, 2))  # type: ignore[arg-type]
    refused(CropSettings(), "tempo_factor", (2.0, 0.5))
    refused(PerformanceSettings(), "seconds", (60.0,))
