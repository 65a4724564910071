from __future__ import annotations

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.decoding.alternative import at_tempo, beside, decode_beside
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.peaks import PeakDecoder
from beattrack.errors import SettingsError


def pulses(seconds: float, period: int) -> Activations:
    beats = np.full(round(seconds * 100), 0.02)
    beats[50::period] = 0.9
    downbeats = np.full(len(beats), 0.01)
    downbeats[50 :: 4 * period] = 0.9
    return Activations(beats, downbeats, 100.0)


def test_only_the_tempo_range_changes() -> None:
    decoder = DBNDecoder(DBNSettings(beats_per_bar=(3,), min_bpm=(60,), max_bpm=(180,)), engine="numpy")
    other = at_tempo(decoder, 240.0)
    assert (other.settings.min_bpm, other.settings.max_bpm) == pytest.approx((240 / 1.15, 240 * 1.15))
    assert (other.settings.beats_per_bar, other.engine) == ((3,), "numpy")
    assert decoder.settings.min_bpm == (60,)


def test_limits_bind() -> None:
    settings = at_tempo(DBNDecoder(), 60.0, (58.0, 65.0)).settings
    assert (settings.min_bpm, settings.max_bpm) == (58, 65)
    assert at_tempo(DBNDecoder(), 11.0).settings.min_bpm == 10


def test_peak_picking_has_no_tempo_range() -> None:
    with pytest.raises(SettingsError, match="'peaks' has no tempo range"):
        at_tempo(PeakDecoder(), 60.0)


@pytest.mark.parametrize(("bpm", "interval"), [(60, 1.0), (240, 0.25)])
def test_half_and_double_tempo_are_decoded(bpm: float, interval: float) -> None:
    activations = pulses(30, 50)
    first = DBNDecoder()(activations)
    found = decode_beside(activations, at_tempo(DBNDecoder(), bpm), first.times, 0.5)
    assert np.median(np.diff(found.times)) == pytest.approx(interval)
    assert found.positions is not None
    distance = np.abs(found.times[:, None] - first.times).min(axis=1)
    assert distance.max() < (0.02 if bpm == 60 else 0.27)


def test_what_the_first_decoding_left_out_has_no_beats() -> None:
    times = np.concatenate([np.arange(10) * 0.5, 40 + np.arange(10) * 0.5])
    decoding = Decoding(np.arange(0, 60, 0.25))
    kept = beside(times, decoding, 0.5).times
    assert ((kept <= 5) | ((kept >= 39.5) & (kept <= 45))).all()
    assert {0.25, 4.75, 40.25, 44.5} <= set(kept.tolist())
