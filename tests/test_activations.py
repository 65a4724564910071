from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from beattrack.activations import MAX_BYTES, Activations
from beattrack.errors import ActivationError, SettingsError

ONE = np.ones(3, np.float32)


def same(one: Activations, other: Activations) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("beats", "downbeats", "tempo", "pauses")]
    return one.fps == other.fps and all(
        a is b is None or (a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)) for a, b in pairs
    )


def test_duration() -> None:
    assert Activations(np.zeros(250), None, 100.0).duration == 2.5
    assert Activations(np.zeros(0), None, 100.0).duration == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beats": [0.1, 0.2, 0.3]}, "beats must be a one-dimensional array of floats"),
        ({"beats": np.ones((3, 1))}, "beats must be a one-dimensional"),
        ({"beats": np.ones(3, int)}, "beats must be a one-dimensional"),
        ({"beats": None}, "beats must be a one-dimensional"),
        ({"downbeats": np.ones(3, bool)}, "downbeats must be a one-dimensional"),
        ({"downbeats": np.ones(4)}, "the same length, not 3 and 4"),
        ({"tempo": np.ones(3, complex)}, "tempo must be a one-dimensional"),
        ({"fps": 0.0}, "fps must be above 0 and at most 1000, not 0.0"),
        ({"fps": -1.0}, "fps must be above 0"),
        ({"fps": "100"}, "fps must be a number, not '100'"),
        ({"fps": np.nan}, "fps must be a finite number"),
        ({"fps": np.inf}, "fps must be a finite number"),
        ({"fps": 1001.0}, "at most 1000, not 1001"),
        ({"pauses": [[0, 1]]}, "pauses must be an array of whole numbers"),
        ({"pauses": np.zeros((1, 2))}, "pauses must be an array of whole numbers"),
        ({"pauses": np.zeros(2, int)}, "pauses must be an array of whole numbers, a row of two"),
        ({"pauses": np.zeros((1, 3), int)}, "a row of two for each pause"),
        ({"pauses": np.array([[0, 4]])}, "within the 3 frames"),
        ({"pauses": np.array([[-1, 2]])}, "within the 3 frames"),
        ({"pauses": np.array([[2, 1]])}, "pauses must ascend"),
        ({"pauses": np.array([[0, 2], [1, 3]])}, "pauses must ascend"),
        ({"pauses": np.array([[0, 2**64 - 1]], np.uint64)}, "pauses must ascend"),
    ],
)
def test_what_are_no_activations_is_refused(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"beats": ONE, "downbeats": ONE, "fps": 100.0, **changes}
    with pytest.raises(ActivationError, match=message):
        Activations(**values)


floats = hnp.arrays(
    st.sampled_from([np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.float16)]), st.integers(0, 50)
)


@settings(max_examples=30, deadline=None)
@given(beats=floats, tempo=st.none() | floats, bars=st.booleans(), fps=st.floats(1e-3, 1e3))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    beats: np.ndarray,
    tempo: np.ndarray | None,
    bars: bool,
    fps: float,
) -> None:
    path = tmp_path_factory.mktemp("saved") / "a.npz"
    pauses = np.array([[0, len(beats) // 2]]) if bars else None
    activations = Activations(beats, beats[::-1].copy() if bars else None, fps, tempo, pauses)
    activations.save(path)
    assert same(Activations.load(path), activations)
    assert os.listdir(path.parent) == ["a.npz"]


def test_numpy_reads_what_is_saved_and_its_files_are_loaded(tmp_path: Path) -> None:
    Activations(ONE, ONE, 100.0).save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert sorted(file.files) == ["beats", "downbeats", "fps"]
    np.savez(tmp_path / "b.npz", beats=ONE, fps=[100], more=np.ones(3))
    assert same(Activations.load(tmp_path / "b.npz"), Activations(ONE, None, 100.0))


def test_the_name_is_kept_as_it_is(tmp_path: Path) -> None:
    Activations(ONE, None, 100.0).save(tmp_path / "no suffix")
    assert os.listdir(tmp_path) == ["no suffix"]
    assert Activations.load(tmp_path / "no suffix").fps == 100


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("sprung",))


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def write_pickled_array(path: Path) -> None:
    np.savez(path.open("wb"), beats=np.array([Trap()], dtype=object), fps=100.0)


def write_nothing_in_a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w"):
        pass


def write_encrypted(path: Path) -> None:
    np.savez(path.open("wb"), beats=ONE, fps=100.0)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of each file in the zip
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(mark, at + 4)
    path.write_bytes(data)


def write_bomb(path: Path) -> None:
    """A header that promises 8 TB."""
    header = str({"descr": "<f4", "fortran_order": False, "shape": (2 * 10**12,)}).ljust(117) + "\n"
    npy = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("beats.npy", npy)


def write_large(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("beats.npy", "w") as member:
        for _ in range(MAX_BYTES // 2**20 + 1):
            member.write(bytes(2**20))


def write_long_name(path: Path) -> None:
    """The name in front of an array is not the one in the directory, and 5000 bytes long."""
    np.savez(path.open("wb"), beats=np.ones(2000, np.float32), fps=100.0)
    data = bytearray(path.read_bytes())
    data[26:28] = (5000).to_bytes(2, "little")
    path.write_bytes(data)


WRONG = {
    "long name": write_long_name,
    "large": write_large,
    "absent": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("0.1 0.2\n"),
    "array": lambda path: np.save(path.open("wb"), ONE),
    "pickle": write_pickle,
    "pickled array": write_pickled_array,
    "empty zip": write_nothing_in_a_zip,
    "encrypted": write_encrypted,
    "bomb": write_bomb,
    "no fps": lambda path: np.savez(path.open("wb"), beats=ONE),
    "no beats": lambda path: np.savez(path.open("wb"), fps=1.0),
    "two fps": lambda path: np.savez(path.open("wb"), beats=ONE, fps=[1.0, 2.0]),
    "fps of text": lambda path: np.savez(path.open("wb"), beats=ONE, fps="100"),
    "negative fps": lambda path: np.savez(path.open("wb"), beats=ONE, fps=-100.0),
    "lengths": lambda path: np.savez(path.open("wb"), beats=ONE, downbeats=ONE[:1], fps=100.0),
    "whole numbers": lambda path: np.savez(path.open("wb"), beats=np.ones(3, int), fps=100.0),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_files_that_are_no_activations_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.npz"
    WRONG[what](path)
    with pytest.raises(ActivationError) as caught:
        Activations.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < len(str(path)) + 300
    assert not (tmp_path / "sprung").exists()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_are_activations_or_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    Activations(np.linspace(0, 1, 40, dtype=np.float32), None, 100.0, ONE).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    try:
        loaded = Activations.load(path)
    except ActivationError as error:
        message = str(error)
    else:
        message = f"{path}: " if loaded.duration >= 0 else ""
    assert message.startswith(f"{path}: ")


def test_a_part_keeps_its_times_and_what_is_before_is_zero(tmp_path: Path) -> None:
    values = np.linspace(0.1, 1, 500, dtype=np.float32)
    pauses = np.array([[0, 50], [180, 260], [390, 420]])
    whole = Activations(values, values / 2, 100.0, pauses=pauses)
    part = whole.part(2.005, 4.0)
    assert (part.first, part.start, part.duration) == (201, 2.01, 4.0)
    assert not part.beats[:201].any()
    np.testing.assert_array_equal(part.beats[201:], values[201:400])
    assert part.downbeats is not None
    np.testing.assert_array_equal(part.downbeats[201:], values[201:400] / 2)
    assert part.pauses is not None
    assert part.pauses.tolist() == [[201, 260], [390, 400]]
    assert values[0] > 0  # the arrays of the whole are unchanged
    part.save(tmp_path / "a.npz")
    assert Activations.load(tmp_path / "a.npz") == part
    assert whole.part(0) == whole
    assert part.part(0) == part  # what was not analysed does not come back
    with pytest.raises(SettingsError, match=r"has nothing from 5 s on; it is 5.00 s long"):
        whole.part(5)
    with pytest.raises(SettingsError, match=r"has nothing before 1 s; it is analysed from 2.01 s on"):
        part.part(0, 1)
    nothing = Activations(np.zeros(0), None, 100.0)
    assert nothing.part(0, 3) == nothing


def test_later_activations_are_padded() -> None:
    values = np.full(30, 0.5, np.float32)
    later = Activations(values, None, 100.0, pauses=np.array([[0, 10]])).later(20)
    assert (later.first, len(later.beats), later.beats.dtype) == (20, 50, np.float32)
    assert later.pauses is not None
    assert later.pauses.tolist() == [[20, 30]]


@pytest.mark.parametrize("first", [-1, 6, 1.5, "x"])
def test_a_first_frame_that_is_none(tmp_path: Path, first: object) -> None:
    np.savez(tmp_path / "a.npz", beats=np.zeros(5), fps=100.0, first=first)
    with pytest.raises(ActivationError, match="first"):
        Activations.load(tmp_path / "a.npz")
