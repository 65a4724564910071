from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beattrack.errors import SettingsError
from beattrack.tempo import (
    Tempo,
    TempoCandidate,
    beat_period,
    clear_tempo,
    estimate_tempo,
    local_tempo,
    other_tempi,
    runs_of,
    tempo_share,
)

SHARED = Path(__file__).parents[2] / "shared"


def grid(bpm: float, beats: int = 60, fps: float = 100.0) -> np.ndarray:
    """Beats of a steady tempo, rounded to frames."""
    return np.round(0.3 * fps + np.arange(beats) * 60 * fps / bpm) / fps


def head(*peaks: tuple[int, float]) -> np.ndarray:
    activation = np.zeros(300, np.float32)
    for bpm, probability in peaks:
        activation[bpm] = probability
    return activation


@given(st.floats(40, 240))
def test_the_fit_sees_through_the_grid_of_frames(bpm: float) -> None:
    tempo = estimate_tempo(grid(bpm))
    assert tempo is not None
    assert tempo.bpm == pytest.approx(bpm, rel=1e-3)


def test_an_odd_tempo_is_not_rounded_to_whole_frames() -> None:
    times = grid(121.95)
    assert 60 / np.median(np.diff(times)) == pytest.approx(122.45, abs=0.01)
    assert beat_period(times) == pytest.approx(60 / 121.95, rel=2e-4)


def test_missing_and_spurious_beats_and_a_pause_do_not_move_the_tempo() -> None:
    first, second = grid(97.3, 40), 3.21 + 40 * 60 / 97.3 + grid(97.3, 40)
    damaged = np.sort(np.concatenate([np.delete(first, [7, 20]), [first[30] + 0.2], second]))
    tempo = estimate_tempo(damaged)
    assert tempo is not None
    assert tempo.bpm == pytest.approx(97.3, rel=1e-3)
    assert tempo.stability > 0.1


def test_a_pause_says_nothing_of_the_stability() -> None:
    first = grid(120, 20)
    tempo = estimate_tempo(np.concatenate([first, first + 60.0]))
    assert tempo is not None
    assert (tempo.bpm, tempo.stability) == (120.0, 0.0)


def test_finer_times_are_fitted_but_do_not_choose_the_steady_part() -> None:
    times = grid(97.3, 8)
    fine = 0.3 + np.arange(8) * 60 / 97.3
    assert beat_period(times, fine) == pytest.approx(60 / 97.3, rel=1e-9)
    late = np.append(times, times[-1] + 0.75)  # not steady by any times
    assert beat_period(late, np.append(fine, fine[-1] + 0.62)) == pytest.approx(60 / 97.3, rel=1e-9)


def test_a_misplaced_beat_of_steady_music_is_not_fitted() -> None:
    fine = 0.3 + np.arange(20) * 60 / 128
    fine[-1] -= 0.022
    assert beat_period(fine) != pytest.approx(60 / 128, rel=5e-4)
    assert beat_period(fine, fine) == pytest.approx(60 / 128, rel=1e-6)
    wavering = 0.3 + np.cumsum(0.5 + 0.015 * np.sin(np.arange(40)))
    assert beat_period(wavering, wavering) == beat_period(wavering)


def test_beats_without_a_finer_time_are_not_fitted() -> None:
    times = np.array([0.01, 0.5, 1.0, 1.5, 1.97])
    fine = np.array([np.nan, 0.5, 1.0, 1.5, np.nan])
    assert beat_period(times) != pytest.approx(0.5, rel=1e-3)
    assert beat_period(times, fine) == pytest.approx(0.5)
    assert beat_period(times, np.full(5, np.nan)) == beat_period(times)


@pytest.mark.parametrize(
    ("bpm_range", "expected"),
    [((110.0, 130.0), 120.0), ((121.0, 122.0), 121.0), ((116.0, 117.0), 117.0), ((60.0, 80.0), 120.0)],
)
def test_a_tempo_beside_its_range_is_moved_into_it(bpm_range: tuple[float, float], expected: float) -> None:
    tempo = estimate_tempo(grid(120), bpm_range=bpm_range)
    assert tempo is not None
    assert tempo.bpm == expected
    assert expected in [candidate.bpm for candidate in tempo.candidates]


@given(bpm=st.floats(40, 240), width=st.floats(0, 2))
def test_a_reported_tempo_lies_inside_a_narrow_range_to_the_last_digit(bpm: float, width: float) -> None:
    tempo = estimate_tempo(grid(bpm), bpm_range=(bpm, bpm + width))
    assert tempo is not None
    assert bpm <= tempo.bpm <= bpm + width


def test_a_period_that_is_known_is_taken() -> None:
    tempo = estimate_tempo(grid(120), period=0.4)
    assert tempo is not None
    assert tempo.bpm == 150.0


def test_a_head_hears_one_tempo_clearly_or_none() -> None:
    assert clear_tempo(head((119, 0.2), (120, 0.3), (121, 0.2), (60, 0.3))) == pytest.approx(120)
    assert clear_tempo(head((120, 0.4), (60, 0.35), (180, 0.25))) is None
    for nothing in (np.zeros(300), np.full(300, np.nan), np.zeros(0), np.zeros(1)):
        assert clear_tempo(nothing) is None


def test_shares_of_a_head() -> None:
    activation = head((60, 0.2), (120, 0.6), (180, 0.2))
    assert tempo_share(activation, 55, 125) == pytest.approx(0.8)
    assert tempo_share(10 * activation, 120, 120) == pytest.approx(1 / 3)  # each is at most 1
    assert tempo_share(activation, -5, 1e6) == pytest.approx(1)
    assert tempo_share(np.full(300, np.inf), 0, 300) == 0


def test_intervals_of_two_kinds_only_give_their_median() -> None:
    assert beat_period(np.array([0.0, 0.4, 1.4])) == pytest.approx(0.7)


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 1000.0], [1.0, 1.0 + 1e-9]])
def test_no_tempo_where_there_is_none(times: list[float]) -> None:
    assert estimate_tempo(times) is None


def test_two_beats_have_a_tempo_and_no_deviation() -> None:
    tempo = estimate_tempo([1.0, 1.5])
    assert tempo is not None
    assert (tempo.bpm, tempo.stability) == (120.0, 0.0)


def test_stability_is_the_standard_deviation_of_the_intervals() -> None:
    times = np.cumsum([0.5, 0.52, 0.48, 0.5, 0.52, 0.48])
    tempo = estimate_tempo(times)
    assert tempo is not None
    assert tempo.stability == pytest.approx(np.std(np.diff(times)), abs=1e-4)


@pytest.mark.parametrize(("bpm", "alternative"), [(70, 140), (90, 180), (170, 85), (120, 60), (45, 90)])
def test_without_a_head_the_alternative_is_the_octave_listeners_prefer(
    bpm: float, alternative: float
) -> None:
    tempo = estimate_tempo(grid(bpm))
    assert tempo is not None
    other = next(one for one in tempo.candidates if one.bpm != tempo.bpm)
    assert other.bpm == pytest.approx(alternative, rel=2e-3)


def test_the_tracked_tempo_is_the_stronger_unless_far_from_what_listeners_prefer() -> None:
    for bpm in (60, 100, 150, 200):
        tempo = estimate_tempo(grid(bpm))
        assert tempo is not None
        assert tempo.candidates[0].bpm == tempo.bpm
    slow = estimate_tempo(grid(35))
    assert slow is not None
    assert slow.candidates[0].bpm == pytest.approx(70, rel=2e-3)
    assert slow.bpm == pytest.approx(35, rel=2e-3)


def test_the_head_shifts_the_strengths_but_not_the_tempo() -> None:
    times = grid(80)
    agreeing, none, opposing = (estimate_tempo(times, h) for h in (head((80, 0.9)), None, head((160, 0.9))))
    assert agreeing is not None
    assert none is not None
    assert opposing is not None
    assert agreeing.bpm == none.bpm == opposing.bpm
    strength = [next(c.strength for c in t.candidates if c.bpm == t.bpm) for t in (agreeing, none, opposing)]
    assert strength[0] > strength[1] > strength[2]
    assert opposing.candidates[0].bpm == pytest.approx(160, rel=2e-3)


def test_the_head_chooses_the_alternative() -> None:
    tempo = estimate_tempo(grid(120), head((120, 0.6), (80, 0.4)))
    assert tempo is not None
    assert [candidate.bpm for candidate in tempo.candidates] == pytest.approx([120, 80], rel=2e-3)


@pytest.mark.parametrize("activation", [np.zeros(300), np.full(300, np.nan), np.full(300, -1.0), np.zeros(0)])
def test_a_head_that_says_nothing_changes_nothing(activation: np.ndarray) -> None:
    assert estimate_tempo(grid(100), activation) == estimate_tempo(grid(100))


@given(
    st.lists(st.floats(0.01, 30), min_size=1, max_size=40),
    st.none() | st.lists(st.floats(0, 1), max_size=300).map(np.array),
)
def test_whatever_the_beats_the_result_keeps_its_promises(
    gaps: list[float], activation: np.ndarray | None
) -> None:
    tempo = estimate_tempo(np.cumsum([0.0, *gaps]), activation)
    assert tempo is not None
    strengths = [candidate.strength for candidate in tempo.candidates]
    assert sum(strengths) == pytest.approx(1)
    assert strengths[0] >= strengths[1]
    assert tempo.bpm in [candidate.bpm for candidate in tempo.candidates]
    assert 60 / max(gaps) * 0.99 <= tempo.bpm <= 60 / min(gaps) * 1.01
    assert Tempo.from_dict(json.loads(json.dumps(tempo.to_dict(), allow_nan=False))) == tempo


def test_a_tempo_out_of_range_is_refused() -> None:
    good = TempoCandidate(120.0, 1.0)
    for bpm, candidates, stability in (
        (0.0, (good,), 0.0),
        (float("nan"), (good,), 0.0),
        (120.0, (good,), -1.0),
        (120.0, (), 0.0),
        (120.0, (good, good), 0.0),
        (120.0, (TempoCandidate(60.0, 0.2), TempoCandidate(120.0, 0.8)), 0.0),
    ):
        with pytest.raises(SettingsError):
            Tempo(bpm, candidates, stability)
    for bpm, strength in ((-1.0, 0.5), (120.0, 1.5), (120.0, float("nan"))):
        with pytest.raises(SettingsError):
            TempoCandidate(bpm, strength)
    with pytest.raises(SettingsError, match="candidates"):
        Tempo.from_dict({"bpm": 120.0, "stability": 0.0})
    record = {"candidates": [{"bpm": 120.0, "strength": 1.0}], "stability": 0.0}
    with pytest.raises(SettingsError, match="a tempo needs bpm"):
        Tempo.from_dict({**record, "bpm": "fast"})
    with pytest.raises(SettingsError, match="bpm must be a positive number, not -1"):
        Tempo.from_dict({**record, "bpm": -1.0})


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published detections are not here")
def test_published_detections_give_the_annotated_tempo() -> None:
    """Böck & Davies 2020 on GTZAN excerpts: beats alone reach the paper's tempo accuracies, 0.83 and 0.95."""
    folder = SHARED / "data" / "gtzan_dev"
    ratios = []
    for path in sorted((folder / "published_tcn2020").glob("*.beats.txt")):
        name = path.name.removesuffix(".beats.txt")
        tempo = estimate_tempo(np.loadtxt(path, ndmin=1))
        assert tempo is not None
        ratios.append(tempo.bpm / np.loadtxt(folder / "tempo" / f"{name}.bpm"))
    octaves = [any(abs(r / o - 1) <= 0.04 for o in (1, 2, 3, 1 / 2, 1 / 3)) for r in ratios]
    same = np.array([abs(r - 1) for r in ratios])
    assert np.mean(same <= 0.04) >= 0.86
    assert np.mean(octaves) >= 0.96
    assert np.median(same[same <= 0.04]) < 0.003


def test_the_local_tempo_of_a_metronome_is_steady_in_spite_of_whole_frames_and_jitter() -> None:
    exact = 0.31 + np.arange(200) * 60 / 124
    np.testing.assert_allclose(local_tempo(np.round(exact, 2), 4), 124, atol=0.6)
    displaced = exact.copy()
    displaced[[20, 60, 100]] += 0.08
    np.testing.assert_allclose(local_tempo(displaced, 4), 124, atol=2.5)
    assert abs(local_tempo(displaced, 4)[30:50] - 124).max() < 1e-6


def test_the_local_tempo_follows_a_change_and_does_not_span_a_pause() -> None:
    slow, fast = np.arange(20) * 1.0, 40 + np.arange(20) * 0.5
    tempi = local_tempo(np.concatenate([slow, fast]), 4)
    np.testing.assert_allclose(tempi, [60] * 20 + [120] * 20)
    at_once = np.concatenate([np.arange(20) * 0.6, 12 + np.arange(20) * 0.5])
    tempi = local_tempo(at_once, 4)
    np.testing.assert_allclose(tempi[[0, 17, 23, -1]], [100, 100, 120, 120])
    assert (np.diff(tempi) > -1e-9).all()


def test_a_missing_beat_does_not_change_the_local_tempo() -> None:
    times = np.delete(np.arange(40) * 0.5, [12, 25, 26])
    np.testing.assert_allclose(local_tempo(times, 4), 120)


def test_the_local_tempo_of_hardly_any_beats() -> None:
    assert len(local_tempo(np.zeros(0), 4)) == 0
    assert np.isnan(local_tempo(np.array([1.0]), 4)).all()
    assert local_tempo(np.array([1.0, 2.0]), 4).tolist() == [60, 60]
    alone = local_tempo(np.array([0, 0.5, 1.0, 1.5, 2.0, 30.0, 60, 60.5, 61, 61.5, 62]), 4)
    assert np.flatnonzero(np.isnan(alone)).tolist() == [5]


@given(arrays(np.float64, st.integers(2, 60), elements=st.floats(0.02, 50)), st.integers(1, 8))
def test_the_local_tempo_lies_among_those_of_the_intervals(intervals: np.ndarray, reach: int) -> None:
    times = np.cumsum(intervals)
    tempi = local_tempo(times, reach)
    assert sorted({i for run in runs_of(times) for i in range(run.start, run.stop)}) == list(
        range(len(times))
    )
    known = tempi[np.isfinite(tempi)]
    assert (known >= 60 / np.diff(times).max() * (1 - 1e-9)).all()
    assert (known <= 60 / np.diff(times).min() * (1 + 1e-9)).all()


def test_other_tempi_begin_with_the_alternative_candidate() -> None:
    head = np.zeros(300)
    head[180] = 1.0
    for tempo_activation in (None, head):
        tempo = estimate_tempo(np.arange(60) * 0.5, tempo_activation)
        assert tempo is not None
        others = other_tempi(tempo.bpm, tempo_activation)
        assert others[0] in [pytest.approx(candidate.bpm) for candidate in tempo.candidates]
        assert sorted(others) == pytest.approx([40, 60, 80, 180, 240, 360])
