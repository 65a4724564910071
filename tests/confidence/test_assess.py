from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.confidence import calibration
from beattrack.confidence.calibration import Logistic
from beattrack.confidence.features import features, log_odds
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn import DBNDecoder
from beattrack.decoding.make import make_decoder
from beattrack.decoding.posterior import recording_posterior
from beattrack.errors import SettingsError
from beattrack.result import Beats
from beattrack.tracker import decode
from tests.dbn_cases import beats_only, noise, pulse


def assessed(activations: Activations, anchors: Anchors | None = None) -> Beats:
    return decode(activations, DBNDecoder(), confidence=True, anchors=anchors)


def with_head(activations: Activations, bpm: int) -> Activations:
    tempo = np.full(300, 1e-4)
    tempo[bpm] = 1
    return replace(activations, tempo=tempo)


def test_clear_beats_are_surer_than_noise() -> None:
    clear = assessed(with_head(pulse(40, bpm=120, spurious=0, drift=0), 120))
    quiet = noise(40)
    unclear = assessed(Activations(quiet.beats / 5, quiet.downbeats / 5, 100.0, tempo=np.full(300, 1 / 300)))
    assert clear.certainty is not None
    assert unclear.certainty is not None
    assert not clear.certainty.low
    assert unclear.certainty.low
    assert np.median(clear.confidence) > 0.9 > np.median(unclear.confidence)
    assert clear.certainty.tempo is not None
    assert unclear.certainty.tempo is not None
    assert clear.certainty.tempo > unclear.certainty.tempo
    assert clear.certainty.downbeats is not None
    downbeats = clear.positions == 1
    assert np.median(clear.certainty.downbeats[downbeats]) > 0.8
    assert np.median(clear.certainty.downbeats[~downbeats]) < 0.1


def test_beats_times_and_tempo_stay_as_they_are() -> None:
    plain, sure = decode(pulse(20), DBNDecoder()), assessed(pulse(20))
    assert plain.certainty is None
    assert sure.times.tolist() == plain.times.tolist()
    assert (sure.tempo, sure.metre, sure.reason) == (plain.tempo, plain.metre, plain.reason)
    assert replace(sure, certainty=None, confidence=plain.confidence) == plain


def test_a_doubtful_beat_has_less_confidence() -> None:
    activations = pulse(30, bpm=120, spurious=0, drift=0)
    times = assessed(activations).times
    hole = np.array(activations.beats)
    at = round(times[20] * 100)
    hole[at - 8 : at + 9] = 1e-4
    found = assessed(replace(activations, beats=hole, downbeats=np.minimum(hole, activations.downbeats)))
    beat = int(np.abs(found.times - times[20]).argmin())
    assert found.confidence[beat] < found.confidence[beat - 3 : beat].min()


def test_beats_without_bars() -> None:
    found = assessed(beats_only(pulse(20)))
    assert found.certainty is not None
    assert found.certainty.downbeats is None
    assert found.certainty.metre is None


def test_no_beats_are_not_certain() -> None:
    found = assessed(Activations(np.zeros(500), np.zeros(500), 100.0))
    assert len(found) == 0
    assert found.certainty is not None
    assert (found.certainty.file, found.certainty.tempo) == (0.0, None)
    assert found.certainty.low


def test_a_single_beat_has_no_tempo() -> None:
    beats = np.full(60, 1e-3)
    beats[30] = 0.9
    found = assessed(Activations(beats, beats / 2, 100.0))
    assert len(found) == 1
    assert found.certainty is not None
    assert found.certainty.tempo is None
    assert 0 < found.confidence[0] < 1


def test_anchors_are_certain() -> None:
    activations = pulse(20, seed=3)
    times = decode(activations, DBNDecoder()).times
    anchors = Anchors((times[5] + 0.02, times[9]), (2, 2))
    found = assessed(activations, anchors)
    held = anchors.held(found.times, 100.0)
    assert held.sum() == 2
    assert (found.confidence[held] == 1).all()
    assert (found.confidence[~held] < 1).all()
    assert found.certainty is not None
    assert found.certainty.downbeats is not None
    assert (found.certainty.downbeats[held] == 0).all()


@pytest.mark.parametrize("name", ["peaks"])
def test_other_decoders_have_none(name: str) -> None:
    with pytest.raises(SettingsError, match=f"'{name}' has no calibrated confidence; use the decoder 'dbn'"):
        decode(pulse(5), make_decoder(name), confidence=True)  # type: ignore[arg-type]


def test_parts_between_pauses_are_joined() -> None:
    left, right = pulse(20, seed=1), pulse(15, metre=3, seed=2)
    silence = np.zeros(1000)
    beats = np.concatenate([left.beats, silence, right.beats])
    downbeats = np.concatenate([np.asarray(left.downbeats), silence, np.asarray(right.downbeats)])
    activations = Activations(beats, downbeats, 100.0, pauses=np.array([[2000, 3000]]))
    whole = recording_posterior(activations, DBNDecoder())
    parts = [DBNDecoder().posterior(part) for part in (left, right)]
    np.testing.assert_array_equal(whole.beats, np.concatenate([parts[0].beats, silence, parts[1].beats]))
    assert not whole.beats[2000:3000].any()
    assert whole.tempo_shares.sum() == pytest.approx(1)
    weight = parts[0].seconds / (parts[0].seconds + parts[1].seconds)
    expected = weight * parts[0].metre_shares[3] + (1 - weight) * parts[1].metre_shares[3]
    assert whole.metre_shares[3] == pytest.approx(expected)
    assert whole.log_likelihood == pytest.approx(sum(part.log_likelihood for part in parts))


def test_features_are_log_odds() -> None:
    activations = with_head(pulse(20, bpm=100), 100)
    posterior = recording_posterior(activations, DBNDecoder())
    found = decode(activations, DBNDecoder())
    values = features(found.times, found.bpm, found.metre, activations, posterior)
    assert values.beat_activation == pytest.approx(log_odds(found.confidence), abs=0.01)
    assert values.mean_activation == pytest.approx(values.beat_activation.mean())
    assert values.tempo_head is not None
    assert values.tempo_head > 2
    assert features(found.times, found.bpm, 4, replace(activations, tempo=None), posterior).tempo_head is None
    assert np.isfinite(log_odds([0.0, 0.5, 1.0])).all()


def test_the_logistic_model() -> None:
    activations = pulse(10)
    found = decode(activations, DBNDecoder())
    posterior = recording_posterior(activations, DBNDecoder())
    values = features(found.times, found.bpm, found.metre, activations, posterior)
    model = Logistic((("beat_activation", 2.0), ("tempo_head", 1.0)), -1.0)
    expected = 1 / (1 + np.exp(1 - 2 * values.beat_activation - calibration.NO_TEMPO_HEAD))
    np.testing.assert_allclose(model(values), expected)
    assert Logistic((("mean_activation", 0.0),), 0.0)(values).shape == ()
