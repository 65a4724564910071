from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.errors import SettingsError
from beattrack.formats import (
    FORMAT_TABLE,
    FORMATS,
    Format,
    WriteOptions,
    encode,
    format_for,
    format_info,
    writer_named,
)
from beattrack.result import Beats
from tests.example_beats import any_beats, make_beats
from tests.timing_cases import bars, drifting, recording

every_format = pytest.mark.parametrize("format", FORMATS)


def test_the_table_holds_every_format_in_order() -> None:
    assert tuple(FORMAT_TABLE) == FORMATS


@every_format
def test_the_table_tells_what_the_writers_do(format: Format) -> None:
    info = format_info(format)
    assert writer_named(format).suffix == info.suffix
    assert isinstance(writer_named(format).render(make_beats()), bytes) == info.binary
    assert info.sentence.endswith(".")
    if not info.shared_suffix:
        assert format_for(f"a{info.suffix}".upper()) == format


@every_format
def test_files_end_their_last_line_and_are_the_same_each_time(format: Format) -> None:
    for beats in (make_beats(), make_beats(positions=None), recording([], []), recording([0.0], [1])):
        data = encode(beats, format)
        assert data == encode(beats, format)
        assert format_info(format).binary or not data or data.endswith(b"\n")
        assert b"\r" not in data or format_info(format).binary


@every_format
def test_saving_by_suffix_or_by_name(format: Format, tmp_path: Path) -> None:
    beats = make_beats()
    beats.save(tmp_path / "named", format)
    assert (tmp_path / "named").read_bytes() == encode(beats, format)
    if format_info(format).binary:
        with pytest.raises(SettingsError, match="is not text"):
            beats.to_text(format)
    else:
        assert beats.to_text(format).encode() == encode(beats, format)


@given(st.sampled_from(FORMATS), any_beats())
@settings(max_examples=150, deadline=None)
def test_any_beats_can_be_written(format: Format, beats: Beats) -> None:
    assert isinstance(encode(beats, format), bytes)


def test_units_of_text_formats() -> None:
    beats = make_beats()
    assert encode(beats, "csv", WriteOptions(units="ms")).startswith(b"time_ms,position,confidence\n500,3,")
    samples = WriteOptions(units="samples", rate=48000)
    assert encode(beats, "sv-csv", samples).startswith(b"24000,0.3\n48000,0.4\n")
    frames = encode(beats, "beats", WriteOptions(units="frames")).decode()
    assert "# units: frames\n# units_per_second: 100\n50\t3\n100\t4\n" in frames
    with pytest.raises(SettingsError, match="the times of midi are always in seconds"):
        encode(beats, "midi", WriteOptions(units="ms"))
    with pytest.raises(SettingsError, match="sample rate is not known"):
        encode(beats, "csv", WriteOptions(units="samples"))
    with pytest.raises(SettingsError, match="units must be one of"):
        WriteOptions(units="hours")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="rate must be"):
        WriteOptions(rate=0)


def test_times_that_fall_on_one_frame_are_kept_apart() -> None:
    beats = recording([0.1, 0.11, 0.12, 0.5])
    text = encode(beats, "sv-csv", WriteOptions(units="frames", rate=10)).decode()
    assert text == "1\n2\n3\n5\n"


@every_format
def test_the_tolerance_applies_where_the_table_says(format: Format) -> None:
    beats = recording(drifting(200), bars(*[4] * 50))
    sizes = [len(encode(beats, format, WriteOptions(tolerance=each))) for each in (0.0005, 0.1)]
    assert (sizes[0] > sizes[1]) == ("tolerance" in FORMAT_TABLE[format].takes)
    assert "tolerance" in FORMAT_TABLE[format].takes or sizes[0] == sizes[1]
