from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.decoding.base import Decoding
from beattrack.decoding.explain import explain

RANGE = (55.0, 215.0)


def activations(highest: float = 0.9, *, frames: int = 2000, bpm: float | None = None) -> Activations:
    beats = np.zeros(frames, np.float32)
    beats[:] = highest / 10
    beats[::50] = highest
    tempo = None
    if bpm is not None:
        bins = np.arange(300)
        tempo = np.exp(-0.5 * ((bins - bpm) / 1.5) ** 2)
        tempo = (tempo / tempo.sum()).astype(np.float32)
    return Activations(beats, None, 100.0, tempo)


def told(case: Activations, *confidences: list[float], times: Any = (), **changes: Any) -> str | None:
    options = {"isolated": False, "least_confidence": 0.1, "bpm_range": RANGE, **changes}
    return explain(
        case, [np.array(part) for part in confidences], Decoding(np.array(times, dtype=np.float64)), **options
    )


def beats_at(bpm: float) -> np.ndarray:
    return np.round(np.arange(0.5, 19.5, 60 / bpm), 2)


def test_nothing_is_said_of_ordinary_beats() -> None:
    assert told(activations(bpm=120), [0.9] * 38, times=beats_at(120)) is None
    assert told(activations(), [0.9] * 38, times=beats_at(120)) is None
    assert told(activations(bpm=120), [0.9] * 38, times=beats_at(120), bpm_range=None) is None


@pytest.mark.parametrize(
    ("case", "confidences", "changes", "text"),
    [
        (activations(frames=9), (), {}, "no beats: the recording is too short"),
        (activations(0.0), (), {}, "no beats: the recording is silent or a steady sound"),
        (
            activations(0.04),
            ([],),
            {},
            "no beats: the network detects none (the highest beat activation is 0.04)",
        ),
        (
            activations(),
            ([0.02, 0.04, 0.3],),
            {},
            "no beats: there is no steady pulse (the median confidence is 0.04)",
        ),
        (
            activations(),
            ([0.9], [0.9]),
            {"isolated": True},
            "no beats: there are only single sounds, far apart",
        ),
    ],
)
def test_why_there_are_no_beats(
    case: Activations, confidences: Any, changes: dict[str, Any], text: str
) -> None:
    assert told(case, *confidences, **changes) == text
    assert told(case, *confidences, **changes, bpm_range=None) == text


def test_a_range_that_leaves_out_what_is_heard() -> None:
    slow = told(activations(bpm=120), [0.9] * 38, times=beats_at(180), bpm_range=(170.0, 190.0))
    assert slow == "the network estimates about 120 BPM, but the slowest tempo allowed is 170 BPM (min_bpm)"
    fast = told(activations(bpm=120), [0.9] * 20, times=beats_at(60), bpm_range=(50.0, 75.0))
    assert fast == "the network estimates about 120 BPM, but the fastest tempo allowed is 75 BPM (max_bpm)"


def test_the_range_is_named_as_well_where_there_are_no_beats() -> None:
    text = told(activations(bpm=48), [0.01] * 38)
    assert text is not None
    assert text.startswith("no beats: there is no steady pulse")
    assert text.endswith(
        "; the network estimates about 48 BPM, but the slowest tempo allowed is 55 BPM (min_bpm)"
    )


def test_a_tempo_just_outside_is_not_left_out() -> None:
    for bpm in (53.0, 220.0):
        assert told(activations(bpm=bpm), [0.9] * 38, times=beats_at(110)) is None


def test_a_head_that_hears_several_tempi_or_none_says_nothing() -> None:
    several = np.zeros(300, np.float32)
    several[[30, 40, 300 - 10]] = 1 / 3
    for tempo in (several, np.zeros(300, np.float32), np.full(300, np.nan, np.float32), np.empty(0)):
        case = Activations(activations().beats, None, 100.0, tempo)
        assert told(case, [0.9] * 38, times=beats_at(120)) is None


def test_of_noise_the_tempo_is_not_believed() -> None:
    assert told(activations(0.04, bpm=48), []) == told(activations(0.04), [])


def test_beats_outside_the_range() -> None:
    text = told(activations(), [0.9] * 40, times=beats_at(128), bpm_range=(130.0, 132.0))
    assert text == "the beats follow 128.0 BPM, outside the tempo range of 130 to 132 BPM"
    assert told(activations(), [0.9] * 40, times=beats_at(128), bpm_range=(128.0, 128.0)) is None
    assert told(activations(), [0.9] * 3, times=[1.0, 1.2, 1.4]) is None  # too few to tell


def test_music_slower_than_the_range() -> None:
    text = told(activations(), [0.9, 0.0, 0.0] * 10, times=beats_at(90))
    assert text is not None
    assert text.startswith(
        "only one beat in 3 is audible: the music may be slower than the slowest tempo allowed"
    )
