from __future__ import annotations

import numpy as np
import pytest

from beattrack.result import Beats
from beattrack.snapping import on_their_grid
from beattrack.tempo import estimate_tempo
from beattrack.tracker import BeatTracker
from tests.synth import band_clip, drum_clip


def beats_at(times: np.ndarray, positions: np.ndarray | None) -> Beats:
    return Beats(
        times=times,
        positions=positions,
        confidence=np.full(len(times), 0.8),
        duration=float(times[-1]) + 1,
        tempo=estimate_tempo(times),
        metre=4,
    )


def test_positions_are_kept_and_continued_through_missing_beats() -> None:
    exact, places = 1 + np.arange(100) * 0.5, np.arange(100) % 4 + 1
    kept = np.delete(np.arange(100), [30, 31, 77])
    jitter = np.random.default_rng(0).uniform(-0.004, 0.004, len(kept))
    beats = on_their_grid(beats_at(exact[kept] + jitter, places[kept]))
    assert beats.positions is not None
    assert beats.positions.tolist() == places.tolist()
    np.testing.assert_allclose(beats.times, exact, atol=0.002)
    assert beats.confidence[[29, 30, 31, 77]].tolist() == [0.8, 0, 0, 0]
    assert beats.bpm == pytest.approx(120, abs=0.01)
    assert beats.tempo is not None
    assert beats.tempo.stability == 0
    assert Beats.from_dict(beats.to_dict()) == beats
    assert "# grid: gridable: " in beats.to_text("beats")
    assert "# grid_pieces: " in beats.to_text("beats")


def test_without_bars_and_without_a_grid() -> None:
    even = on_their_grid(beats_at(np.arange(50) * 0.5, None))
    assert even.positions is None
    assert even.grid is not None
    assert even.grid.gridable
    uneven = beats_at(np.cumsum(np.tile([0.6, 0.4], 20)), None)
    told = on_their_grid(uneven)
    assert told.times.tolist() == uneven.times.tolist()
    assert told.tempo == uneven.tempo
    assert told.grid is not None
    assert not told.grid.gridable
    assert "# grid: not gridable: " in told.to_text("beats")


@pytest.mark.slow
@pytest.mark.parametrize("bpm", [87.5, 124.003, 174.02])
def test_the_tempo_of_a_song_is_exact(bpm: float) -> None:
    tracker = BeatTracker(threads=1)
    samples, times, _ = band_clip(bpm, duration=200.0)
    activations, duration = tracker.analyse(samples, 22050)
    beats = on_their_grid(tracker.decode(activations, duration=duration), activations)
    assert beats.bpm == pytest.approx(bpm, abs=0.0015)
    assert np.abs(beats.times[:, None] - times).min(axis=1).max() < 0.005


@pytest.mark.slow
def test_a_change_of_tempo_in_a_song_is_found() -> None:
    tracker = BeatTracker(threads=1)
    samples, _, _ = drum_clip([120, 128], duration=120.0)
    activations, duration = tracker.analyse(samples, 22050)
    beats = on_their_grid(tracker.decode(activations, duration=duration), activations)
    assert beats.grid is not None
    assert [piece.bpm for piece in beats.grid.pieces] == pytest.approx([120, 128], abs=0.01)
    assert beats.grid.pieces[1].offset == pytest.approx(60, abs=0.02)
