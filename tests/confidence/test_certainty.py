from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from beattrack.confidence.certainty import CHECK_BELOW, Certainty
from beattrack.errors import SettingsError
from beattrack.result import Beats
from beattrack.tempo import Tempo, TempoCandidate


def beats(certainty: Certainty | None, *, tempo: bool = True, count: int = 4) -> Beats:
    return Beats(
        times=np.arange(1, count + 1) / 2,
        positions=np.arange(count) % 4 + 1,
        confidence=np.full(count, 0.5),
        duration=5,
        tempo=Tempo(120.0, (TempoCandidate(120.0, 1.0),), 0.0) if tempo else None,
        metre=4,
        certainty=certainty,
    )


FULL = Certainty(0.9, 0.8, 0.7, np.array([0.6, 0.1, 0.2, 0.3]))


@pytest.mark.parametrize(
    "result",
    [
        beats(FULL),
        beats(replace(FULL, downbeats=None)),
        beats(Certainty(0.25), tempo=False),
        beats(Certainty(0.0, downbeats=np.empty(0)), tempo=False, count=0),
        beats(None),
    ],
)
def test_a_record_read_back_is_the_same(result: Beats) -> None:
    record = json.loads(json.dumps(result.to_dict()))
    read = Beats.from_dict(record)
    assert read == result
    assert (read.certainty is None) == (result.certainty is None)


def test_the_record_has_the_values() -> None:
    record = beats(FULL).to_dict()
    assert (record["certainty"], record["metre_confidence"]) == (0.9, 0.7)
    assert record["tempo"]["confidence"] == 0.8
    assert [row["downbeat_confidence"] for row in record["beats"]] == [0.6, 0.1, 0.2, 0.3]


def test_without_certainty_the_record_has_no_new_keys() -> None:
    record = beats(None).to_dict()
    assert not {"certainty", "metre_confidence"} & set(record)
    assert "confidence" not in record["tempo"]
    assert set(record["beats"][0]) == {"time", "position", "confidence"}


@pytest.mark.parametrize(
    "damage",
    [{"certainty": 1.5}, {"certainty": "high"}, {"metre_confidence": -1}, {"tempo": {"confidence": 2}}],
)
def test_a_damaged_record_is_refused(damage: dict[str, object]) -> None:
    record = beats(FULL).to_dict()
    if "tempo" in damage:
        damage = {"tempo": {**record["tempo"], "confidence": 2}}
    with pytest.raises(SettingsError):
        Beats.from_dict({**record, **damage})


def test_downbeats_are_as_many_as_beats_and_probabilities() -> None:
    with pytest.raises(SettingsError, match="same length"):
        beats(replace(FULL, downbeats=np.zeros(3)))
    for wrong in (np.full(4, 1.1), np.full(4, np.nan), np.zeros((2, 2)), np.array(["a"] * 4), object()):
        with pytest.raises(SettingsError, match=r"certainty\.downbeats"):
            replace(FULL, downbeats=wrong)  # type: ignore[arg-type]


def test_it_is_a_value_that_cannot_be_changed() -> None:
    mine = np.array([0.6, 0.1, 0.2, 0.3])
    certainty = replace(FULL, downbeats=mine)
    mine[0] = 0
    assert certainty == FULL
    assert certainty.downbeats is not None
    with pytest.raises(ValueError, match="read-only"):
        certainty.downbeats[0] = 0
    for other in (copy.deepcopy(certainty), pickle.loads(pickle.dumps(certainty))):
        assert other == certainty
    assert beats(FULL) != beats(replace(FULL, file=0.8))


def test_of_other_beats() -> None:
    other = FULL.of_beats(np.array([0, -1, 3, 2, -1]))
    assert other.downbeats is not None
    assert other.downbeats.tolist() == [0.6, 0.0, 0.3, 0.2, 0.0]
    assert Certainty(0.5).of_beats(np.array([0])) == Certainty(0.5)


def test_low_certainty() -> None:
    assert Certainty(CHECK_BELOW - 0.01).low
    assert not Certainty(CHECK_BELOW).low


def test_the_header_of_beats_files() -> None:
    assert "# certainty: 0.900\n" in beats(FULL).to_text("beats")
    assert "certainty" not in beats(None).to_text("beats")
