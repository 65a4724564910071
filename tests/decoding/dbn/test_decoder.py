from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn import DBNDecoder, DBNSettings, TempoPrior
from beattrack.decoding.dbn import decoder as decoder_module
from beattrack.decoding.dbn.decoder import Engine
from beattrack.decoding.madmom import MadmomDecoder
from beattrack.errors import MissingExtraError, SettingsError
from tests.dbn_cases import PUBLISHED, as_type, beats_only, noise, published, pulse, same, varied

GOLDEN = Path(__file__).parents[2] / "golden" / "decoder.npz"

# madmom's own defaults for bars and for beats alone, then other values of every setting.
SETTINGS = (
    DBNSettings.madmom(num_tempi=60),
    DBNSettings.madmom(),
    DBNSettings.madmom(min_bpm=40, max_bpm=240, threshold=0),
    DBNSettings.madmom(correct=False),
    DBNSettings(
        beats_per_bar=(4, 3),
        min_bpm=(50, 70),
        max_bpm=(200, 180),
        transition_lambda=40,
        observation_lambda=8,
    ),
)


@pytest.fixture(params=["numpy", "numba"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "numba":
        pytest.importorskip("numba")
    return request.param


def golden_cases() -> list[tuple[dict[str, Any], Activations, Decoding]]:
    cases = []
    with np.load(GOLDEN, allow_pickle=False) as file:
        for index, case in enumerate(json.loads(str(file["cases"]))):
            values = (((file[f"{index}/codes"] + 0.5) / 256) ** 2).astype(case["precision"])
            downbeats = values[:, 1] if values.shape[1] == 2 else None
            positions = file[f"{index}/positions"] if downbeats is not None else None
            expected = Decoding(file[f"{index}/times"], positions, case["log_probability"])
            cases.append((case["options"], Activations(values[:, 0], downbeats, case["fps"]), expected))
    return cases


@pytest.mark.parametrize("case", golden_cases())
def test_gives_what_madmom_gave(case: tuple[dict[str, Any], Activations, Decoding]) -> None:
    options, activations, expected = case
    found = DBNDecoder(DBNSettings.madmom(**options), engine="numpy")(activations)
    assert same(found, expected)
    if expected.log_probability is None:
        assert found.log_probability is None
    else:
        assert found.log_probability == pytest.approx(expected.log_probability, rel=1e-6)


def compare_with_madmom(seeds: range) -> None:
    try:
        MadmomDecoder()
    except MissingExtraError as error:
        pytest.skip(f"compares with madmom itself: {error}")
    for seed in seeds:
        options = SETTINGS[seed % 7 % 5]
        activations = varied(seed, fps=50.0 if seed % 4 == 2 else 100.0)
        for case in (activations, beats_only(activations)):
            assert same(DBNDecoder(options)(case), MadmomDecoder(options)(case)), f"seed {seed}, {options}"


def test_gives_what_madmom_gives() -> None:
    compare_with_madmom(range(1000, 1020))


@pytest.mark.slow
def test_gives_what_madmom_gives_on_200_sequences() -> None:
    compare_with_madmom(range(200))


def share_of_agreement(name: str, stop: int | None) -> tuple[float, float]:
    """Shares of tracks whose beats, and whose beats and positions, are those published, within 10 ms."""
    if not PUBLISHED.is_dir():
        pytest.skip("needs the published activations in the folder ../shared")
    agree = [agreement(track) for track in list(published(name).values())[:stop]]
    beats, bars = np.mean(agree, axis=0)
    print(f"{name}: {len(agree)} tracks, beats agree for {beats:.1%}, beats and positions for {bars:.1%}")
    return float(beats), float(bars)


def agreement(track: dict[str, Any]) -> tuple[bool, bool]:
    beats = DBNDecoder(DBNSettings.madmom())(Activations(track["act/beats"], None, 100))
    # The published detections are of madmom's defaults: 60 tempi for bars, all for beats alone.
    bars = DBNDecoder(DBNSettings.madmom(num_tempi=60))(
        Activations(track["act/beats"], track["act/downbeats"], 100)
    )
    expected_beats, expected_bars = track["det/beats"].reshape(-1), track["det/downbeats"].reshape(-1, 2)
    return (
        within_10_ms(beats.times, expected_beats),
        within_10_ms(bars.times, expected_bars[:, 0]) and np.array_equal(bars.positions, expected_bars[:, 1]),
    )


def within_10_ms(found: Any, expected: Any) -> bool:
    # Published times have two decimals.
    return len(found) == len(expected) and bool((np.abs(found - expected) < 0.0101).all())


@pytest.mark.parametrize("name", ["ballroom", "smc", "beatles"])
def test_gives_the_published_detections(name: str) -> None:
    assert share_of_agreement(name, 4) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ballroom", "smc", "beatles"])
def test_gives_all_published_detections(name: str) -> None:
    assert min(share_of_agreement(name, None)) >= 0.99


@pytest.mark.parametrize("bars", [False, True])
def test_nothing_in_nothing_out(bars: bool, engine: Engine) -> None:
    for values in (np.empty(0), np.zeros(1), np.zeros(500), np.full(500, np.nan), np.full(500, -np.inf)):
        activations = Activations(values, values.copy() if bars else None, 100.0)
        for threshold in (0.0, 0.05):
            found = DBNDecoder(DBNSettings.madmom(threshold=threshold), engine=engine)(activations)
            assert len(found.times) == 0
            assert (found.positions is not None) == bars
            assert found.log_probability is None
            assert found.beats_per_bar is None


def test_quiet_noise_has_no_beats() -> None:
    values = np.random.default_rng(0).random(1000) * 0.04
    assert len(DBNDecoder()(Activations(values, values / 2, 100.0)).times) == 0


@pytest.mark.parametrize("value", [0.3, 1.0, np.inf, 7.0])
@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 30, 500])
def test_constant_activations_give_lawful_beats(value: float, bars: bool, frames: int) -> None:
    values = np.full(frames, value)
    activations = Activations(values, values / 3 if bars else None, 100.0)
    first = DBNDecoder(engine="numpy")(activations)
    assert_lawful(first, activations)
    assert same(first, DBNDecoder(engine="numpy")(activations))
    if frames == 500:
        assert len(first.times) > 3


def test_nan_is_0_and_values_outside_0_to_1_are_clipped() -> None:
    activations = pulse(8.0, seed=1)
    beats, downbeats = activations.beats.copy(), activations.downbeats
    dirty = beats.copy()
    beats[100:104], dirty[100:104] = 0.0, [np.nan, -3.0, -np.inf, np.nan]
    beats[200:202], dirty[200:202] = 1.0, [1.5, np.inf]
    found = DBNDecoder()(Activations(dirty, downbeats, 100.0))
    assert same(found, DBNDecoder()(Activations(beats, downbeats, 100.0)))


def test_zeros_between_the_peaks_do_not_stop_the_tracking() -> None:
    beats = np.zeros(1000)
    for offset, height in ((-1, 0.5), (0, 1.0), (1, 0.5)):
        beats[25 + offset :: 50] = height
    found = DBNDecoder()(Activations(beats, None, 100.0))
    np.testing.assert_allclose(found.times, np.arange(0.25, 10, 0.5))


@pytest.mark.parametrize("bars", [False, True])
def test_input_stays_as_it_is_whatever_its_layout(bars: bool) -> None:
    activations = pulse(6.0, seed=2) if bars else beats_only(pulse(6.0, seed=2))
    wide = np.zeros((len(activations.beats), 3))
    wide[:, 1] = activations.beats
    backwards = None if activations.downbeats is None else activations.downbeats[::-1].copy()[::-1]
    strided = Activations(wide[:, 1], backwards, 100.0)
    strided.beats.flags.writeable = False
    assert same(DBNDecoder()(strided), DBNDecoder()(activations))


def test_half_precision_and_long_double_are_taken() -> None:
    activations = pulse(6.0, seed=3)
    half = as_type(activations, np.float16)
    assert same(DBNDecoder()(half), DBNDecoder()(as_type(half, np.float32)))
    assert same(DBNDecoder()(as_type(activations, np.longdouble)), DBNDecoder()(activations))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    frames=st.integers(1, 600),
    bars=st.booleans(),
    correct=st.booleans(),
    threshold=st.sampled_from([0.0, 0.05, 0.5]),
    power=st.sampled_from([1.0, 4.0, 10.0]),
)
def test_beats_are_lawful(
    seed: int, frames: int, bars: bool, correct: bool, threshold: float, power: float
) -> None:
    activations = noise(frames / 50, fps=50.0, seed=seed, power=power)
    activations = activations if bars else beats_only(activations)
    found = DBNDecoder(DBNSettings.madmom(correct=correct, threshold=threshold), engine="numpy")(activations)
    assert_lawful(found, activations)


def assert_lawful(found: Decoding, activations: Activations) -> None:
    assert (np.diff(found.times) > 0).all()
    assert ((found.times >= 0) & (found.times < activations.duration)).all()
    if activations.downbeats is None:
        assert found.positions is None
        assert found.beats_per_bar is None
        return
    assert found.positions is not None
    assert found.positions.dtype.kind == "i"
    if len(found.times):
        assert found.beats_per_bar in (3, 4)
        np.testing.assert_array_equal(found.positions[1:] - 1, found.positions[:-1] % found.beats_per_bar)


@pytest.mark.parametrize("metre", [2, 3, 4, 5])
def test_finds_tempo_metre_and_downbeats_of_a_clear_pulse(metre: int, engine: Engine) -> None:
    frames = np.arange(20, 2000, 43)
    beats, downbeats = np.full(2000, 0.02), np.full(2000, 0.01)
    beats[frames], downbeats[frames[::metre]] = 0.9, 0.8
    found = DBNDecoder(DBNSettings.madmom(beats_per_bar=(2, 3, 4, 5)), engine=engine)(
        Activations(beats, downbeats, 100.0)
    )
    np.testing.assert_allclose(found.times, frames / 100)
    assert found.positions is not None
    assert found.positions.tolist() == [number % metre + 1 for number in range(len(frames))]
    assert found.beats_per_bar == metre


@pytest.mark.parametrize("options", SETTINGS)
def test_engines_agree_to_the_last_bit(options: DBNSettings) -> None:
    pytest.importorskip("numba")
    for seed in (3, 4, 6, 11):
        activations = varied(seed)
        for case in (activations, beats_only(activations)):
            found, compiled = (DBNDecoder(options, engine=engine)(case) for engine in ("numpy", "numba"))
            assert same(found, compiled)
            assert found.log_probability == compiled.log_probability


def test_tempo_prior_decides_between_octaves() -> None:
    beats = np.full(2000, 0.02)
    beats[10::30] = 0.5  # 200 BPM
    beats[10::60] = 0.8  # 100 BPM
    found = {
        bpm: DBNDecoder(DBNSettings(tempo_prior=TempoPrior(bpm, 0.5, strength=4.0)))(
            Activations(beats, None, 100.0)
        )
        for bpm in (90.0, 210.0)
    }
    np.testing.assert_allclose(np.diff(found[90.0].times), 0.6, atol=0.011)
    np.testing.assert_allclose(np.diff(found[210.0].times), 0.3, atol=0.011)


@pytest.mark.parametrize("off", [0.9, 1.0, 1.1])
def test_a_hint_decides_between_octaves_even_if_it_is_10_percent_off(off: float) -> None:
    beats = np.full(2000, 0.02)
    beats[10::30] = 0.3  # 200 BPM
    beats[10::60] = 0.6  # 100 BPM
    for bpm, interval in ((100.0, 0.6), (200.0, 0.3)):
        prior = TempoPrior.hint(bpm * off)
        found = DBNDecoder(DBNSettings(tempo_prior=prior))(Activations(beats, None, 100.0))
        np.testing.assert_allclose(np.diff(found.times), interval, atol=0.011)


@pytest.mark.parametrize("wrong", [0.5, 0.67, 1.5])
def test_a_wrong_hint_does_not_break_clear_music(wrong: float) -> None:
    free = DBNDecoder()(steady(120.0))
    hinted = DBNDecoder(DBNSettings(tempo_prior=TempoPrior.hint(120.0 * wrong)))(steady(120.0))
    assert same(hinted, free)


def test_tempo_prior_weighs_time_so_that_it_has_no_octave_bias() -> None:
    # Flat but for the prior: were each beat charged instead of each frame, the slowest tempo would win.
    activations = Activations(np.full(6000, 0.06), None, 100.0)
    prior = TempoPrior(150.0, 0.1, strength=20.0)
    found = DBNDecoder(DBNSettings(tempo_prior=prior, min_bpm=40.0, max_bpm=250.0))(activations)
    assert np.median(np.diff(found.times)) == pytest.approx(0.4, abs=0.02)


def test_each_metre_keeps_to_its_range() -> None:
    frames = np.arange(10, 2000, 50)  # 120 BPM
    beats, downbeats = np.full(2000, 0.01), np.full(2000, 0.002)
    beats[frames], downbeats[frames[::4]] = 0.9, 0.8
    activations = Activations(beats, downbeats, 100.0)
    free = DBNDecoder()(activations)
    bound = DBNDecoder(DBNSettings(min_bpm=(55.0, 150.0)))(activations)  # four beats only from 150 BPM
    assert (free.beats_per_bar, len(free.times)) == (4, len(frames))
    assert bound.beats_per_bar == 3 or np.diff(bound.times).max() < 60 / 149
    assert not same(free, bound)


def test_auto_takes_numba_once_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    from beattrack.decoding.dbn.viterbi import numpy_advance
    from beattrack.decoding.dbn.viterbi_numba import numba_advance

    activations = beats_only(pulse(4.0, seed=1))
    decoder = DBNDecoder()
    decoder(activations)
    assert decoder.choose_advance() is numpy_advance
    monkeypatch.setattr(decoder_module, "NUMBA_PAYS_FROM_STEPS", 1)
    assert decoder.choose_advance() is numba_advance
    monkeypatch.setattr(decoder_module, "numba_installed", lambda: False)
    assert decoder.choose_advance() is numpy_advance


def test_engine_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="fortran"):
        DBNDecoder(engine="fortran")  # type: ignore[arg-type]
    monkeypatch.setattr(decoder_module, "numba_installed", lambda: False)
    with pytest.raises(MissingExtraError, match=r"beattrack\[fast\]"):
        DBNDecoder(engine="numba")


def steady(
    bpm: float, seconds: float = 60.0, *, weak: float | None = None, width: float = 1.2
) -> Activations:
    """Beats at a constant tempo between frames, the first of four a downbeat."""
    frames = np.arange(round(seconds * 100))
    beats, downbeats = np.full(len(frames), 0.004), np.full(len(frames), 0.002)
    for number, time in enumerate(steady_times(bpm, seconds)):
        peak = np.exp(-0.5 * ((frames - 100 * time) / 1.2) ** 2)
        beats += 0.85 * peak
        downbeats += 0.8 * peak * (number % 4 == 0)
    return Activations(np.minimum(beats, 0.98), np.minimum(downbeats, 0.98), 100.0)


def steady_times(bpm: float, seconds: float = 60.0) -> np.ndarray:
    return np.arange(0.4, seconds - 0.2, 60 / bpm)


@settings(max_examples=30, deadline=None)
@given(
    bpm=st.floats(40, 240),
    below=st.sampled_from([0.0, 0.5, 1.0, 20.0]),
    above=st.sampled_from([0.0, 0.5, 1.0, 20.0]),
    bars=st.booleans(),
)
def test_a_range_around_the_tempo_finds_all_beats(bpm: float, below: float, above: float, bars: bool) -> None:
    activations = steady(bpm) if bars else beats_only(steady(bpm))
    found = DBNDecoder(DBNSettings(min_bpm=bpm - below, max_bpm=bpm + above))(activations)
    np.testing.assert_allclose(found.times, steady_times(bpm), atol=0.0151)
    if bars:
        assert found.positions is not None
        assert (found.positions == np.arange(len(found.times)) % 4 + 1).all()


@pytest.mark.parametrize("bpm", [140.0, 128.7, 199.5])
def test_a_tempo_at_the_end_of_a_wide_range_does_not_drift(bpm: float) -> None:
    for low, high in ((bpm, 2.5 * bpm), (bpm / 2.5, bpm)):
        found = DBNDecoder(DBNSettings(min_bpm=low, max_bpm=high))(steady(bpm))
        np.testing.assert_allclose(found.times, steady_times(bpm), atol=0.0101)


def test_a_long_recording_does_not_drift_either() -> None:
    found = DBNDecoder(DBNSettings(min_bpm=120, max_bpm=120))(steady(119.98, 900.0))
    np.testing.assert_allclose(found.times, steady_times(119.98, 900.0), atol=0.0101)


def test_frame_rate_too_low_for_the_tempo_is_refused() -> None:
    with pytest.raises(SettingsError, match="frames per second"):
        DBNDecoder()(Activations(np.full(100, 0.5), None, 5.0))


def test_importing_the_package_loads_numpy_only() -> None:
    code = (
        "import sys, beattrack.decoding.dbn, beattrack.decoding.base, beattrack.decoding.peaks\n"
        "heavy = {'numba', 'scipy', 'madmom', 'torch', 'onnxruntime', 'librosa'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


ENGINES = ("numpy", "numba")


@st.composite
def anchored(draw: st.DrawFn) -> tuple[DBNSettings, Activations, Anchors]:
    """Music or noise, and up to three beats that are near none of its own."""
    seconds = draw(st.sampled_from([3.0, 8.0, 20.0]))
    seed = draw(st.integers(0, 10_000))
    activations = draw(st.sampled_from([pulse, noise]))(seconds, seed=seed)
    change, low = draw(st.sampled_from([(None, 55.0), (1e-6, 55.0), (None, (55.0, 60.0))]))
    options = DBNSettings(
        correct=draw(st.booleans()),
        threshold=draw(st.sampled_from([0.0, 0.05, 0.5])),
        metre_change=change,
        min_bpm=low,
    )
    # 1.5 s apart or more, so that some number of beats between them fits any positions.
    count = draw(st.integers(1, min(3, int(seconds / 1.5))))
    apart = seconds / count
    times = [index * apart + draw(st.floats(0, max(apart - 1.5, 0.0))) for index in range(count)]
    positions = [draw(st.none() | st.integers(1, 3)) for _ in range(count)]
    tolerance = draw(st.sampled_from([0.0, 0.03, 0.07]))
    return options, activations, Anchors(tuple(times), tuple(positions), tolerance)


@settings(max_examples=60, deadline=None)
@given(anchored(), st.sampled_from(ENGINES))
def test_a_beat_lies_within_the_tolerance_of_every_anchor(
    case: tuple[DBNSettings, Activations, Anchors], engine: Engine
) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    options, activations, anchors = case
    found = DBNDecoder(options, engine=engine)(activations, anchors)
    if options.metre_change is None:
        assert_lawful(found, activations)
    for time, position in anchors.pairs:
        nearest = int(np.abs(found.times - time).argmin())
        # An anchor between two frames may be half a frame from the nearest one, or more at the end.
        least = 0.005 if time < activations.duration - 0.01 else 0.01
        reach = max(anchors.tolerance, least) if anchors.tolerance else 0.0
        assert abs(found.times[nearest] - time) <= reach + 1e-9
        if position is not None:
            assert found.positions is not None
            near = np.abs(found.times - time) <= reach + 1e-9
            assert position in found.positions[near]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), tolerance=st.sampled_from([0.0, 0.05]))
def test_anchors_on_the_beats_found_change_nothing(seed: int, tolerance: float) -> None:
    activations = pulse(15.0, seed=seed)
    # Anchors extend the frames that are decoded if there is a threshold.
    decoder = DBNDecoder(DBNSettings(correct=False, threshold=0))
    free = decoder(activations)
    assert free.positions is not None
    anchors = Anchors(tuple(free.times.tolist()), tuple(free.positions.tolist()), tolerance)
    held = decoder(activations, anchors)
    inside = held.times > 0.0  # where a beat is left out without anchors
    np.testing.assert_array_equal(held.times[inside], free.times)
    assert held.log_probability == free.log_probability


def test_one_downbeat_moves_all_bars() -> None:
    activations = steady(120.0)
    found = DBNDecoder()(activations)
    assert found.positions is not None
    wrong = float(found.times[9])
    assert found.positions[9] == 2
    moved = DBNDecoder()(activations, Anchors((wrong,), (1,)))
    np.testing.assert_array_equal(moved.times, found.times)
    np.testing.assert_array_equal(moved.positions, (found.positions - 2) % 4 + 1)
    assert moved.beats_per_bar == 4
    assert moved.log_probability is not None
    assert found.log_probability is not None
    assert moved.log_probability < found.log_probability


def test_two_downbeats_change_the_metre_and_no_beat() -> None:
    activations = steady(120.0)
    found = DBNDecoder()(activations)
    held = DBNDecoder()(activations, Anchors((float(found.times[6]), float(found.times[9])), (1, 1)))
    np.testing.assert_array_equal(held.times, found.times)
    np.testing.assert_array_equal(held.positions, np.arange(len(found.times)) % 3 + 1)
    assert held.beats_per_bar == 3


def test_without_tolerance_a_beat_is_at_the_time_of_its_anchor() -> None:
    found = DBNDecoder()(steady(120.0), Anchors((10.1234, 20.4321), tolerance=0.0))
    assert {10.1234, 20.4321} <= set(found.times.tolist())
    part = DBNDecoder()(steady(120.0), Anchors((110.1234,), tolerance=0.0), start=100.0)
    assert 10.1234 in part.times.round(6)


def test_an_anchor_in_silence_has_a_beat(engine: Engine) -> None:
    activations = Activations(np.zeros(1000), np.zeros(1000), 100.0)
    found = DBNDecoder(engine=engine)(activations, Anchors((3.0, 8.0), (1, 1)))
    for time in (3.0, 8.0):
        assert np.abs(found.times - time).min() <= 0.07 + 1e-9


def test_most_bars_decide_on_the_metre() -> None:
    bars = [3] * 3 + [4] * 8 + [3] * 4
    positions = np.concatenate([np.arange(bar) for bar in bars]) + 1
    frames = np.arange(len(positions) * 50)
    beats, downbeats = np.full(len(frames), 0.004), np.full(len(frames), 0.002)
    for index, position in enumerate(positions):
        peak = np.exp(-0.5 * ((frames - 20 - 50 * index) / 1.2) ** 2)
        beats += 0.85 * peak
        downbeats += 0.8 * peak * (position == 1)
    activations = Activations(beats, downbeats, 100.0)
    found = DBNDecoder(DBNSettings(metre_change=1e-6))(activations)
    np.testing.assert_array_equal(found.positions, positions)
    assert found.beats_per_bar == 4
    one_metre = DBNDecoder()(activations)
    assert not same(one_metre, found)


@settings(max_examples=60, deadline=None)
@given(
    low=st.floats(40, 180),
    width=st.floats(1, 2.5),
    kind=st.sampled_from([pulse, noise]),
    seed=st.integers(0, 10_000),
    correct=st.booleans(),
    change=st.sampled_from([None, 1e-6]),
)
def test_intervals_stay_in_the_tempo_range(
    low: float, width: float, kind: Any, seed: int, correct: bool, change: float | None
) -> None:
    options = DBNSettings(min_bpm=low, max_bpm=low * width, correct=correct, metre_change=change)
    found = DBNDecoder(options)(kind(12.0, seed=seed))
    frames = np.diff(found.times) * 100
    # One frame of rounding; a peak is at most a region, 1/24 of a beat, after the start of its beat.
    reach = 1.0 + (np.ceil(6000 / low / options.observation_lambda) if correct else 0.0)
    assert (frames >= 6000 / (low * width) - reach - 1e-6).all()
    assert (frames <= 6000 / low + reach + 1e-6).all()
