from __future__ import annotations

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.alternatives import second_reading
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.make import make_decoder
from beattrack.decoding.peaks import PeakDecoder
from beattrack.errors import SettingsError
from beattrack.result import Beats
from beattrack.tracker import BeatTracker, decode, track
from tests.synth import drum_clip


def pulses(seconds: float = 30, period: int = 50, *, head: int | None = None) -> Activations:
    beats = np.full(round(seconds * 100), 0.02)
    beats[20::period] = 0.9
    downbeats = np.full(len(beats), 0.01)
    downbeats[20 :: 4 * period] = 0.9
    tempo = np.zeros(300)
    if head is not None:
        tempo[head] = 1.0
    return Activations(beats, downbeats, 100.0, tempo=tempo)


def reading(activations: Activations, **options: float) -> tuple[Beats, Beats | None]:
    decoder = make_decoder("dbn", DBNSettings(**options))  # type: ignore[arg-type]
    beats = decode(activations, decoder)
    return beats, second_reading(beats, activations, decoder)


def test_it_is_decoded_at_the_other_candidate() -> None:
    beats, second = reading(pulses())
    assert beats.tempo is not None
    assert second is not None
    assert second.tempo is not None
    other = next(candidate.bpm for candidate in beats.tempo.candidates if candidate.bpm != beats.bpm)
    assert second.bpm == pytest.approx(other, rel=0.01)
    assert second.metre == 4
    assert [c.strength for c in second.tempo.candidates] == [c.strength for c in beats.tempo.candidates]
    assert second.bpm in [candidate.bpm for candidate in second.tempo.candidates]
    assert second.decoder["settings"]["max_bpm"] == pytest.approx(other * 1.15)
    assert second.reason is None
    assert second.duration == beats.duration


def test_the_tempo_head_says_which_level() -> None:
    slow, fast = reading(pulses(head=60), tempo_head=0)[1], reading(pulses(head=240), tempo_head=0)[1]
    assert slow is not None
    assert fast is not None
    assert (slow.bpm, fast.bpm) == (pytest.approx(60, rel=0.01), pytest.approx(240, rel=0.01))


def test_only_a_range_that_was_given_limits_it() -> None:
    assert reading(pulses(head=240), tempo_head=0, max_bpm=200)[1] is not None  # the next level is taken
    second = reading(pulses(head=240), tempo_head=0, max_bpm=200)[1]
    assert second is not None
    assert second.bpm is not None
    assert second.bpm < 200
    assert reading(pulses(), min_bpm=100, max_bpm=140)[1] is None
    beats = decode(pulses(), make_decoder("dbn"))
    assert second_reading(beats, pulses(), make_decoder("dbn"), limits=(100, 140)) is None


def test_without_a_tempo_there_is_none() -> None:
    silence = Activations(np.zeros(500), np.zeros(500), 100.0)
    assert reading(silence) == (decode(silence, make_decoder("dbn", DBNSettings())), None)


def test_peak_picking_has_no_second_reading() -> None:
    beats = decode(pulses(), PeakDecoder())
    with pytest.raises(SettingsError, match="no tempo range"):
        second_reading(beats, pulses(), PeakDecoder())


def test_tracking_with_and_without() -> None:
    samples, times, _ = drum_clip(120, duration=20.0)
    plain = track(samples, 22050, threads=1)
    both = track(samples, 22050, threads=1, alternative=True)
    assert plain.alternative is None
    assert both.alternative is not None
    assert both.times.tolist() == plain.times.tolist()
    assert both.tempo == plain.tempo
    assert Beats.from_dict(both.to_dict()) == both
    assert "alternative" not in plain.to_dict()
    tracker = BeatTracker(threads=1)
    activations, duration = tracker.analyse(samples, 22050)
    assert tracker.decode(activations, duration=duration, alternative=True) == both
    half = both.alternative.bpm
    assert half == pytest.approx(60, abs=0.5)
    assert np.abs(both.alternative.times[:, None] - times).min(axis=1).max() < 0.03
