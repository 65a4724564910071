from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.errors import SettingsError
from tests.dbn_cases import beats_only, pulse, varied


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.02, 0.3, 1.0]))
def test_all_are_probabilities(seed: int, evidence: float) -> None:
    activations = varied(seed)
    found = DBNDecoder(DBNSettings(num_tempi=20)).posterior(activations, evidence=evidence)
    assert found.beats.shape == (len(activations.beats),)
    assert found.downbeats is not None
    assert (found.downbeats >= 0).all()
    assert (found.downbeats <= found.beats + 1e-9).all()
    assert (found.beats <= 1 + 1e-9).all()
    if found.seconds > 0:
        assert found.tempo_shares.sum() == pytest.approx(1)
        assert sum(found.metre_shares.values()) == pytest.approx(1)
        assert (np.diff(found.tempi) > 0).all()


def test_beats_of_the_best_path_are_the_probable_ones() -> None:
    activations = pulse(30, metre=3, bpm=130)
    decoding, found = DBNDecoder()(activations), DBNDecoder().posterior(activations)
    assert (found.near(decoding.times, 0.07) > 0.9).mean() > 0.95
    assert decoding.positions is not None
    near = found.near(decoding.times, 0.07, downbeats=True)
    assert near[decoding.positions == 1].mean() > 0.95
    assert near[decoding.positions != 1].mean() < 0.05
    assert found.metre_shares[3] > 0.99
    assert found.tempo_shares[np.abs(found.tempi / 130 - 1) <= 0.04].sum() > 0.5
    assert found.tempo_shares[np.abs(found.tempi / 65 - 1) <= 0.04].sum() < 0.01


def test_less_evidence_is_less_sure() -> None:
    activations = pulse(30, metre=3, bpm=130)
    all_of_it, little = (DBNDecoder().posterior(activations, evidence=weight) for weight in (1.0, 0.02))
    assert little.metre_shares[3] < all_of_it.metre_shares[3]
    assert little.beats.max() < all_of_it.beats.max()
    nothing = DBNDecoder().posterior(activations, evidence=0.0)
    other = DBNDecoder().posterior(pulse(30, seed=9), evidence=0.0)
    inside = slice(300, 2500)
    assert np.std(nothing.beats[inside]) < 1e-3
    assert nothing.metre_shares[3] == pytest.approx(other.metre_shares[3], abs=1e-6)


def test_near_counts_frames_within_the_reach() -> None:
    activations = pulse(10)
    found = replace(DBNDecoder().posterior(activations), beats=np.eye(1, 1000, 500)[0])
    times = np.array([4.92, 4.93, 5.0, 5.07, 5.08, 0.0, 9.99])
    assert found.near(times, 0.07).tolist() == [0, 1, 1, 1, 0, 0, 0]


def test_metres_of_different_tempo_ranges_share_the_probability() -> None:
    options = DBNSettings(beats_per_bar=(3, 4), min_bpm=(60.0, 80.0), max_bpm=(120.0, 200.0))
    found = DBNDecoder(options).posterior(pulse(20, metre=4, bpm=100), evidence=0.05)
    assert sum(found.metre_shares.values()) == pytest.approx(1)
    assert found.tempo_shares.sum() == pytest.approx(1)
    assert found.metre_shares[4] > found.metre_shares[3] > 0


def test_beats_alone() -> None:
    found = DBNDecoder().posterior(beats_only(pulse(10)))
    assert found.downbeats is None
    assert found.metre_shares == {}


def test_frames_outside_the_active_ones_have_no_beats() -> None:
    quiet = np.zeros(300)
    loud = pulse(10)
    activations = Activations(
        np.concatenate([quiet, loud.beats, quiet]),
        np.concatenate([quiet, np.asarray(loud.downbeats), quiet]),
        100.0,
    )
    found = DBNDecoder().posterior(activations)
    assert found.beats.shape == (1600,)
    assert not found.beats[:300].any()
    assert not found.beats[1300:].any()
    assert found.beats[300:1300].sum() > 10
    nothing = DBNDecoder().posterior(Activations(quiet, quiet, 100.0))
    assert (nothing.seconds, nothing.beats.any()) == (0.0, False)


def test_anchors_take_all_of_the_probability() -> None:
    activations = pulse(20, metre=4, bpm=120)
    plain = DBNDecoder().posterior(activations)
    between = float(np.flatnonzero(plain.beats > 0.5)[10]) / 100 + 0.25
    found = DBNDecoder().posterior(activations, Anchors((between,), (1,)))
    assert found.near(np.array([between]), 0.071, downbeats=True)[0] == pytest.approx(1)
    impossible = Anchors((5.0, 5.1, 5.2), tolerance=0.0)
    with pytest.raises(SettingsError):
        DBNDecoder().posterior(activations, impossible)


def test_metre_changes() -> None:
    first, second = pulse(20, metre=4, drift=0), pulse(20, metre=3, drift=0)
    activations = Activations(
        np.concatenate([first.beats, second.beats]),
        np.concatenate([np.asarray(first.downbeats), np.asarray(second.downbeats)]),
        100.0,
    )
    found = DBNDecoder(DBNSettings(metre_change=1e-3)).posterior(activations)
    assert 0.3 < found.metre_shares[3] < 0.7


def test_the_weight_of_the_evidence_is_a_share() -> None:
    with pytest.raises(SettingsError, match="evidence"):
        DBNDecoder().posterior(pulse(2), evidence=1.5)
