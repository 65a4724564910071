"""Reports: means, groups, rows."""

from __future__ import annotations

import csv
import io
import json

import pytest

pytest.importorskip("mir_eval")

from beattrack.training.folder.report import MEANS, Report, tempo_range
from beattrack.training.held_out import SongScore


def scored(name: str, beats: float, downbeats: float | None, **facts: object) -> SongScore:
    values = {"beats.f_measure": beats, "beats.cmlt": beats / 2, "fault.octave": float(beats < 0.5)}
    if downbeats is not None:
        values["downbeats.f_measure"] = downbeats
    about = {"dataset": "d", "source": "s", "genre": "", "metre": 4, "bpm": 100.0, **facts}
    return SongScore(id=name, values=values, **about)


REPORT = Report(
    step=10,
    complete=False,
    songs=(
        scored("a", 1.0, 0.5, genre="rock"),
        scored("b", 0.4, None, source="t", metre=0, bpm=170.0),
        scored("c", 0.4, 0.7, source="t", metre=3, bpm=79.9),
    ),
)


def test_the_score_is_the_mean_of_three_means() -> None:
    assert REPORT.score == pytest.approx((0.6 + 0.3 + 0.6) / 3)
    assert REPORT.headline("score") == REPORT.score
    assert REPORT.headline("octave_errors") == pytest.approx(2 / 3)
    assert REPORT.headline("downbeats_amlt") is None


def test_without_downbeats_the_score_is_of_the_beats() -> None:
    assert Report(step=1, complete=True, songs=(scored("a", 1.0, None),)).score == pytest.approx(0.75)
    assert Report(step=1, complete=True, songs=()).score == 0.0


def test_groups_hold_their_songs() -> None:
    groups = REPORT.groups()
    assert {name: list(parts) for name, parts in groups.items()} == {
        "dataset": ["d"],
        "source": ["s", "t"],
        "genre": ["rock", "unknown"],
        "metre": ["3", "4", "unknown"],
        "tempo": ["100 to 120", "160 and above", "below 80"],
    }
    assert groups["source"]["t"]["songs"] == 2
    assert groups["source"]["t"]["downbeats_f"] == pytest.approx(0.7)
    assert groups["source"]["t"]["octave_errors"] == 1.0
    assert "downbeats_f" not in groups["metre"]["unknown"]


def test_a_report_is_plain_json() -> None:
    record = json.loads(json.dumps(REPORT.to_dict(), allow_nan=False))
    assert (record["step"], record["songs"], record["complete"]) == (10, 3, False)
    assert record["all"]["beats_f"] == 0.6


def test_rows_leave_out_what_was_not_scored() -> None:
    rows = list(csv.DictReader(io.StringIO(REPORT.to_csv())))
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert [row["downbeats_f"] for row in rows] == ["0.5000", "", "0.7000"]
    assert set(MEANS) <= rows[0].keys()


@pytest.mark.parametrize(
    ("bpm", "name"), [(79.9, "below 80"), (80, "80 to 100"), (159.9, "140 to 160"), (160, "160 and above")]
)
def test_tempo_ranges_begin_with_their_lower_end(bpm: float, name: str) -> None:
    assert tempo_range(bpm) == name
