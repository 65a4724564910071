"""Activations, the output of the network for every frame, and their file format (.npz)."""

from __future__ import annotations

import lzma
import math
import os
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import ActivationError, SettingsError
from beattrack.runtime import checks
from beattrack.runtime.files import atomic_path
from beattrack.runtime.values import ComparedByValue

Float = NDArray[np.floating]

MAX_FPS = 1000  # a decoder's work grows with the square of it
# Of an array, 90 hours at 100 fps; larger ones, in damaged or hostile files, would fill the memory.
MAX_BYTES = 1 << 28

ON_FRAME = 1e-6  # frames; rounding errors of times that fall on a frame

_ARRAYS = ("beats", "downbeats", "tempo", "pauses")

# Raised by NumPy and zipfile for files that are not an .npz of plain numbers.
_UNREADABLE = (
    *(OSError, EOFError, MemoryError, RuntimeError, KeyError, TypeError, ValueError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, OverflowError),
)


@dataclass(frozen=True, eq=False)
class Activations(ComparedByValue):
    """Probabilities of beats and downbeats per frame, compared by value.

    Values may be NaN, which decoders read as 0.

    Attributes:
        beats: probability of a beat at each frame, downbeats included, shape (frames,).
        downbeats: probability of a downbeat at each frame, shape (frames,); None if only beats are known.
        fps: frames per second, at most 1000. Frame t is centred at t / fps seconds.
        tempo: probability of each whole tempo, bin k for k BPM, shape (bins,); None if unknown.
        pauses: first frame and frame after the last of each long silence, ascending, shape (pauses, 2); None
            if unknown. Decoders get the parts in between.
        first: first frame that was analysed; the frames before it are 0.

    Raises:
        ActivationError: if an array is not one-dimensional or not of floats, if beats and downbeats differ in
            length, if fps is out of range, or if pauses overlap or lie outside the frames from `first` on.
    """

    beats: Float
    downbeats: Float | None
    fps: float
    tempo: Float | None = None
    pauses: NDArray[np.integer] | None = None
    first: int = 0

    def __post_init__(self) -> None:
        try:
            checks.apply(self, {"fps": checks.between(0, MAX_FPS, low_open=True)})
        except SettingsError as error:
            raise ActivationError(str(error)) from error
        for name in ("beats", "downbeats", "tempo"):
            array = getattr(self, name)
            if array is None and name != "beats":
                continue
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind != "f":
                raise ActivationError(f"{name} must be a one-dimensional array of floats")
        if self.downbeats is not None and len(self.downbeats) != len(self.beats):
            raise ActivationError(
                f"beats and downbeats must have the same length, not {len(self.beats)} and "
                f"{len(self.downbeats)}"
            )
        if not 0 <= self.first <= len(self.beats):
            raise ActivationError(f"first must be one of the {len(self.beats)} frames, not {self.first}")
        if self.pauses is not None:
            _check_pauses(self.pauses, self.first, len(self.beats))

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return len(self.beats) / self.fps

    @property
    def tempo_only(self) -> bool:
        """Whether only the tempo is known, of a whole recording; then all beats are NaN."""
        if self.tempo is None or self.downbeats is not None or self.first == len(self.beats):
            return False
        return bool(np.isnan(self.beats[self.first :]).all())

    @property
    def start(self) -> float:
        """Time in seconds at which the analysis begins."""
        return self.first / self.fps

    def later(self, frames: int) -> Activations:
        """Return activations that begin `frames` later, with zeros before."""
        pauses = None if self.pauses is None else self.pauses + frames
        downbeats = None if self.downbeats is None else np.pad(self.downbeats, (frames, 0))
        return replace(
            self, beats=np.pad(self.beats, (frames, 0)), downbeats=downbeats, pauses=pauses, first=frames
        )

    def part(self, start: float, end: float | None = None) -> Activations:
        """Return the activations of a part of the recording, in which frames keep their times.

        Args:
            start: seconds from the start of the recording.
            end: seconds from the start of the recording; None for its end.

        Raises:
            SettingsError: if nothing of the part was analysed.
        """
        first = max(math.ceil(start * self.fps - ON_FRAME), self.first)
        last = len(self.beats)
        if end is not None:
            last = min(math.ceil(end * self.fps - ON_FRAME), last)
        if first >= last and first > 0:
            where = f"from {start:g} s on" if end is None or start > 0 else f"before {end:g} s"
            span = (
                f"{self.duration:.2f} s long" if self.first == 0 else f"analysed from {self.start:.2f} s on"
            )
            raise SettingsError(f"has nothing {where}; it is {span}")
        bounds = None if self.pauses is None else self.pauses.clip(first, last)
        return replace(
            self,
            beats=_cut(self.beats, first, last),
            downbeats=None if self.downbeats is None else _cut(self.downbeats, first, last),
            pauses=None if bounds is None else bounds[bounds[:, 0] < bounds[:, 1]],
            first=first,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz file with the scalar `fps`, those of the arrays that are known, and `first` unless 0.

        Args:
            path: file to write; its suffix is not changed.

        Raises:
            OSError: if the file cannot be written.
        """
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        present: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
        if self.first:
            present["first"] = np.int64(self.first)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, fps=np.float64(self.fps), **present)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Activations:
        """Read activations from a file written by `save`, or from any .npz file with the same arrays.

        Raises:
            ActivationError: if the file cannot be read or does not hold activations.
        """
        name = os.fspath(path)
        arrays = _read_arrays(name)
        missing = {"beats", "fps"} - arrays.keys()
        if missing:
            raise ActivationError(f"{name}: has no array {' and no array '.join(sorted(missing))}")
        fps = arrays.pop("fps")
        if fps.size != 1 or fps.dtype.kind not in "fiu":
            raise ActivationError(f"{name}: fps must be a single number")
        first = arrays.pop("first", np.zeros(1, np.int64))
        if first.size != 1 or first.dtype.kind not in "iu":
            raise ActivationError(f"{name}: first must be a whole number")
        try:
            return cls(
                beats=arrays["beats"],
                downbeats=arrays.get("downbeats"),
                tempo=arrays.get("tempo"),
                pauses=arrays.get("pauses"),
                fps=float(fps.reshape(())),
                first=int(first.reshape(())),
            )
        except ActivationError as error:
            raise ActivationError(f"{name}: {error}") from error


def _cut(values: Float, first: int, last: int) -> Float:
    """Return values up to `last`, with zeros before `first`."""
    part: Float = values[:last].copy()
    part[:first] = 0
    return part


def _check_pauses(pauses: object, first: int, frames: int) -> None:
    if not isinstance(pauses, np.ndarray) or pauses.dtype.kind not in "iu" or pauses.shape[1:] != (2,):
        raise ActivationError("pauses must be an array of whole numbers, a row of two for each pause")
    bounds = pauses.astype(np.int64).ravel()
    if (np.diff(bounds, prepend=first, append=frames) < 0).any():
        raise ActivationError(f"pauses must ascend and lie within the {frames} frames")


def _read_arrays(name: str) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(name) as file:
            if max((member.file_size for member in file.infolist()), default=0) > MAX_BYTES:
                raise ActivationError(f"{name}: has an array too large for activations")
        with np.load(name, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in (*_ARRAYS, "fps", "first") if key in arrays.files}
    except _UNREADABLE as error:
        why = " ".join(str(error).split())[:200]  # some messages quote a whole damaged header
        raise ActivationError(f"{name}: cannot be read as an .npz file of activations ({why})") from error
