from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.audio.parts import Part, PartReader, Window, after_tags, before_tags, joined
from tests.audio_cases import ape, id3

DATA = bytes(range(200))


def reader(part: Part) -> PartReader:
    return PartReader(io.BytesIO(DATA), part)


def test_a_part_is_its_header_and_its_stretches():
    part = Part(((10, 20), (50, 51), (100, 140)), header=b"head")
    whole = b"head" + DATA[10:20] + DATA[50:51] + DATA[100:140]
    assert reader(part).read() == whole
    assert reader(Part(((5, 9),))).read() == DATA[5:9]
    assert reader(Part((), header=b"x")).read() == b"x"
    assert reader(Part(())).read() == b""


@given(st.lists(st.tuples(st.integers(-5, 80), st.integers(0, 80)), max_size=10))
def test_a_part_is_read_like_a_file(steps):
    part = Part(((10, 20), (30, 31), (100, 140)), header=b"header")
    file, like = reader(part), io.BytesIO(reader(part).read())
    for place, count in steps:
        file.seek(max(place, 0))
        like.seek(max(place, 0))
        buffer = bytearray(count)
        assert bytes(buffer[: file.readinto(buffer)]) == like.read(count)
        assert file.tell() == like.tell()
    assert file.seek(-3, os.SEEK_END) == 54
    assert file.seek(2, os.SEEK_CUR) == 56


def test_a_disk_that_fails_ends_the_part():
    class Failing(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(5, "Input/output error")

    assert PartReader(Failing(), Part(((0, 5),), header=b"head")).read() == b"head"


@given(st.integers(0, 300), st.integers(1, 40))
def test_a_window_shows_any_bytes(offset, count):
    window = Window(io.BytesIO(DATA), len(DATA))
    for start in (offset, 0, offset + 3):
        assert window.read(start, count) == DATA[start : start + count]
    assert window.read(offset + (1 << 70), count) == b""


def test_a_window_finds_across_chunks(monkeypatch):
    monkeypatch.setattr("beattrack.audio.parts.CHUNK", 64)
    for place in range(0, 500, 7):
        data = bytes(place) + b"needle" + bytes(200)
        assert Window(io.BytesIO(data), len(data)).find(b"needle", 0) == place
    assert Window(io.BytesIO(bytes(1000)), 1000).find(b"needle", 0) == -1
    assert Window(io.BytesIO(bytes(1000)), 1000).is_zero(10)
    assert not Window(io.BytesIO(bytes(999) + b"x"), 1000).is_zero(10)


@pytest.mark.parametrize(
    "tag",
    [
        id3(bytes(3000)),
        ape(),
        b"TAG" + bytes(125),
        b"TAG+" + bytes(223),
        b"LYRICSBEGIN" + bytes(300) + b"LYRICS200",
        id3(b"") + id3(b"x"),
    ],
)
def test_tags_are_passed(tag):
    data = b"music" + tag + b"music"
    assert after_tags(Window(io.BytesIO(data), len(data)), 5) == 5 + len(tag)
    assert after_tags(Window(io.BytesIO(data), len(data)), 0) == 0


def test_a_tag_longer_than_the_file_ends_with_it():
    data = id3(bytes(3000))[:500]
    assert after_tags(Window(io.BytesIO(data), len(data)), 0) == 500


@pytest.mark.parametrize("tags", [b"", b"TAG" + bytes(125), ape(), ape() + b"TAG" + bytes(125)])
def test_tags_at_the_end_are_found(tags):
    data = bytes(500) + tags
    assert before_tags(Window(io.BytesIO(data), len(data)), len(data)) == 500


def test_a_damaged_tag_at_the_end_is_passed_once():
    data = bytes(500) + b"APETAGEX" + bytes(24)
    assert before_tags(Window(io.BytesIO(data), len(data)), len(data)) == 500


def test_adjacent_stretches_are_merged():
    assert joined([(0, 3), (3, 5), (5, 5), (7, 9), (9, 10)]) == ((0, 5), (7, 10))
    assert joined([]) == ()
