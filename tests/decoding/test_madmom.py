from __future__ import annotations

import collections
import importlib
import sys

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.decoding import madmom as madmom_backend
from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.decoding.madmom import MadmomDecoder
from beattrack.errors import ActivationError, MissingExtraError, SettingsError
from tests.dbn_cases import beats_only, pulse


@pytest.fixture
def madmom() -> None:
    try:
        MadmomDecoder()
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("madmom")
def test_tracks_a_clear_pulse() -> None:
    frames = np.arange(20, 2000, 50)
    beats, downbeats = np.full(2000, 0.01), np.full(2000, 0.002)
    beats[frames], downbeats[frames[::3]] = 0.9, 0.8
    found = MadmomDecoder()(Activations(beats, downbeats, 100.0))
    np.testing.assert_allclose(found.times, frames / 100)
    assert found.positions is not None
    assert found.positions.dtype == np.int64
    assert found.positions.tolist() == [number % 3 + 1 for number in range(len(frames))]
    assert found.beats_per_bar == 3
    alone = MadmomDecoder()(Activations(beats, None, 100.0))
    np.testing.assert_allclose(alone.times, frames / 100)
    assert alone.positions is None


@pytest.mark.usefixtures("madmom")
def test_settings_reach_madmom() -> None:
    activations = beats_only(pulse(10.0, bpm=100.0, seed=4))
    slow = MadmomDecoder(DBNSettings.madmom(max_bpm=130.0))(activations)
    fast = MadmomDecoder(DBNSettings.madmom(min_bpm=150.0))(activations)
    assert np.median(np.diff(slow.times)) == pytest.approx(0.6, abs=0.05)
    assert np.median(np.diff(fast.times)) < 0.41


@pytest.mark.usefixtures("madmom")
@pytest.mark.parametrize("bars", [False, True])
def test_nothing_in_nothing_out(bars: bool) -> None:
    for values in (np.empty(0), np.zeros(1), np.zeros(500), np.full(500, np.nan)):
        for threshold in (0.0, 0.05):
            found = MadmomDecoder(DBNSettings.madmom(threshold=threshold))(
                Activations(values, values if bars else None, 100.0)
            )
            assert len(found.times) == 0
            assert (found.positions is not None) == bars


@pytest.mark.usefixtures("madmom")
def test_what_madmom_cannot_decode_is_said() -> None:
    with pytest.raises(ActivationError, match="madmom"):
        MadmomDecoder()(Activations(np.ones(500), None, 100.0))


@pytest.mark.usefixtures("madmom")
def test_nothing_stays_patched() -> None:
    for module, name, _ in madmom_backend._REMOVED_NAMES:
        assert name not in vars(module)
    assert not hasattr(collections, "MutableSequence")
    with pytest.raises(ValueError, match="inhomogeneous"):
        np.asarray([[1, 2], 3])
    assert importlib.import_module("numpy") is np


@pytest.mark.usefixtures("madmom")
def test_old_numpy_is_seen_by_madmom_alone() -> None:
    old = sys.modules["madmom.features.downbeats"].np
    assert old.float is float
    assert old.asarray([[1, 2], 3]).dtype == object
    assert old.zeros is np.zeros


def test_names_are_removed_again_when_the_import_fails() -> None:
    seen = []

    def fail_to_import() -> None:
        with madmom_backend.removed_names():
            seen.append(np.float)
            raise ImportError

    with pytest.raises(ImportError):
        fail_to_import()
    assert seen == [float]
    assert "float" not in vars(np)
    assert not hasattr(collections, "MutableSequence")


def test_missing_madmom_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    madmom_backend.load_madmom.cache_clear()
    monkeypatch.setattr(madmom_backend, "DECODING_MODULES", ("madmom_that_is_not_installed.hmm",))
    with pytest.raises(MissingExtraError, match=r"beattrack\[madmom\]"):
        MadmomDecoder()


def test_changes_of_metre_are_refused() -> None:
    with pytest.raises(SettingsError, match="metre_change"):
        MadmomDecoder(DBNSettings.madmom(metre_change=0.1))


def test_tempo_prior_is_refused() -> None:
    with pytest.raises(SettingsError, match="prior"):
        MadmomDecoder(DBNSettings.madmom(tempo_prior=TempoPrior(120.0, 1.0)))
