from __future__ import annotations

import io
import json

from beattrack.live.lines import BeatLines, json_line, text_line
from tests.streaming_cases import online_beat


def test_a_line_has_time_position_and_tempo() -> None:
    assert text_line(online_beat(12.34567, 3, 119.96)) == "12.346\t3\t120.0"
    assert text_line(online_beat(0.5, 0, None)) == "0.500\t-\t-"


def test_a_json_line_has_all_fields() -> None:
    assert json.loads(json_line(online_beat(1.23456, 2, 100.0))) == {
        "time": 1.2346,
        "position": 2,
        "bpm": 100.0,
        "confidence": 0.9,
        "reported": 1.2546,
    }
    assert "\n" not in json_line(online_beat(1.0))


def test_each_line_is_flushed_at_once() -> None:
    class File(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    file, cleared = File(), []
    lines = BeatLines(file, before=lambda: cleared.append(file.getvalue()))
    lines.beat(online_beat(1.0))
    lines.beat(online_beat(2.0, 2))
    assert file.getvalue() == "1.000\t1\t120.0\n2.000\t2\t120.0\n"
    assert file.flushed == 2
    assert cleared == ["", "1.000\t1\t120.0\n"]
