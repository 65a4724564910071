"""What the network says about every frame, and its file format (.npz)."""

from __future__ import annotations

import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import ActivationError, SettingsError
from beattrack.runtime import checks
from beattrack.runtime.files import atomic_path
from beattrack.runtime.values import ComparedByValue

Float = NDArray[np.floating]

MAX_FPS = 1000  # the work of a decoder grows with the square
MAX_BYTES = 1 << 28  # of an array: 90 hours at 100 frames per second; more is a trap or a mistake

_ARRAYS = ("beats", "downbeats", "tempo", "pauses")

# What NumPy and zipfile raise for the many ways in which a file can be no .npz of plain numbers.
_UNREADABLE = (
    *(OSError, EOFError, MemoryError, RuntimeError, KeyError, TypeError, ValueError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, OverflowError),
)


@dataclass(frozen=True, eq=False)
class Activations(ComparedByValue):
    """Probabilities per frame, as the network gives them; compared by value.

    beats: (frames,) probability that a beat, downbeat or not, lies at the frame.
    downbeats: (frames,) probability of a downbeat; a downbeat is high in both. None: beats only.
    tempo: (bins,) probability of each whole BPM, bin k standing for k beats per minute; None without it.
    fps: frames per second; frame t is centred at t / fps seconds.
    pauses: (pauses, 2) first frame and frame after the last of each long silence, ascending; None if unknown.
        Decoders are given the parts in between.

    Raises ActivationError where the arrays are not 1-D, not real numbers, of unequal length, fps is not
    positive or above 1000, or the pauses overlap or lie outside. NaN is allowed here and read as 0 by the
    decoders.
    """

    beats: Float
    downbeats: Float | None
    fps: float
    tempo: Float | None = None
    pauses: NDArray[np.integer] | None = None

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
                f"beats and downbeats must be of one length, not {len(self.beats)} and {len(self.downbeats)}"
            )
        if self.pauses is not None:
            _check_pauses(self.pauses, len(self.beats))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.beats) / self.fps

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz with the scalar `fps` and those of the arrays that are present."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        present: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, fps=np.float64(self.fps), **present)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Activations:
        """Read what `save` writes, or any .npz with those arrays.

        Raises ActivationError for anything else, naming what is wrong.
        """
        name = os.fspath(path)
        arrays = _read_arrays(name)
        missing = {"beats", "fps"} - arrays.keys()
        if missing:
            raise ActivationError(f"{name}: has no array {' and no array '.join(sorted(missing))}")
        fps = arrays.pop("fps")
        if fps.size != 1 or fps.dtype.kind not in "fiu":
            raise ActivationError(f"{name}: fps must be a single number")
        try:
            return cls(
                beats=arrays["beats"],
                downbeats=arrays.get("downbeats"),
                tempo=arrays.get("tempo"),
                pauses=arrays.get("pauses"),
                fps=float(fps.reshape(())),
            )
        except ActivationError as error:
            raise ActivationError(f"{name}: {error}") from error


def _check_pauses(pauses: object, frames: int) -> None:
    if not isinstance(pauses, np.ndarray) or pauses.dtype.kind not in "iu" or pauses.shape[1:] != (2,):
        raise ActivationError("pauses must be an array of whole numbers, a row of two for each pause")
    bounds = pauses.astype(np.int64).ravel()
    if (np.diff(bounds, prepend=0, append=frames) < 0).any():
        raise ActivationError(f"pauses must ascend and lie within the {frames} frames")


def _read_arrays(name: str) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(name) as file:
            if max((member.file_size for member in file.infolist()), default=0) > MAX_BYTES:
                raise ActivationError(f"{name}: holds an array too large for activations")
        with np.load(name, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in (*_ARRAYS, "fps") if key in arrays.files}
    except _UNREADABLE as error:
        why = " ".join(str(error).split())[:200]  # some quote all of a damaged header
        raise ActivationError(f"{name}: cannot be read as an .npz file of activations ({why})") from error
