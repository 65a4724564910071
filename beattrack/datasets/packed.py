"""Levels that stay in a feature pack until they are read, and a bounded cache of what was decoded.

The levels of a song lie in blocks of frames, each compressed by itself, so that a crop needs only the blocks
that it overlaps.
"""

from __future__ import annotations

import lzma
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets import pack_files
from beattrack.datasets.base import DatasetError
from beattrack.runtime.remote import RemoteError

Codec = Literal["xz", "zlib"]
Key = tuple[str, int, int]  # file, offset and number of a block

MEMORY = 2 << 30  # bytes of decoded songs that a process keeps
# LZMA packs a tenth smaller, but takes 2.5 times as long to unpack, which happens at every crop.
DECOMPRESS: Mapping[Codec, Callable[[bytes], bytes]] = {"xz": lzma.decompress, "zlib": zlib.decompress}
FAILURES = (OSError, ValueError, EOFError, lzma.LZMAError, zlib.error, RemoteError)


class Memory:
    """The memory of this process for decoded songs of packs.

    Packs that fit are decoded when they are loaded. What is left is for the blocks of others, of which the
    least recently used are dropped.

    Args:
        limit: number of bytes.
    """

    def __init__(self, limit: int = MEMORY) -> None:
        self._lock = threading.Lock()
        self.set_limit(limit)

    def set_limit(self, limit: int) -> None:
        """Start anew with another limit."""
        with self._lock:
            self._left = self._share = limit
            self._blocks: OrderedDict[Key, NDArray[np.uint8]] = OrderedDict()
            self.size = 0  # of the blocks, in bytes

    @property
    def left(self) -> int:
        """Bytes that no loaded pack takes."""
        return self._left

    def take(self, size: int) -> bool:
        """Return whether a pack of so many bytes fits, which then counts."""
        if size > self._left:
            return False
        self._left -= size
        self._share = self._left
        return True

    def share(self, processes: int) -> None:
        """Divide what is left among processes; this one, and those forked from it, keep to their part."""
        self._share = self._left // max(processes, 1)

    def get(self, key: Key) -> NDArray[np.uint8] | None:
        """Return a block, if it is there."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: Key, block: NDArray[np.uint8]) -> None:
        """Keep a block, and drop others if there are too many."""
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self.size += block.nbytes
            while self.size > self._share and self._blocks:
                self.size -= self._blocks.popitem(last=False)[1].nbytes

    def __getstate__(self) -> Any:
        raise TypeError("memory belongs to one process")


memory = Memory()


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedLevels:
    """Levels in a file of a pack, which indexing reads.

    Attributes:
        folder: folder or URL of the pack.
        file: file in the pack.
        frames: number of frames.
        bands: number of bands.
        block_frames: frames of each block but the last.
        codec: how the blocks are compressed.
        offset: first byte of the first block.
        sizes: bytes of each block, one after another; None if the file is a single block.
    """

    folder: str
    file: str
    frames: int
    bands: int
    block_frames: int
    codec: Codec
    offset: int = 0
    sizes: tuple[int, ...] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(frames, bands)."""
        return self.frames, self.bands

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(self.frames)
            return self._frames(start, max(stop, start))
        whole: NDArray[np.uint8] = self._frames(0, self.frames)[key]
        return whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.decoded(), dtype=dtype)

    def decoded(self) -> NDArray[np.uint8]:
        """Return all levels, (frames, bands), without keeping them in the cache.

        Raises:
            DatasetError: if they cannot be read.
        """
        return np.concatenate(list(self._read(0, len(self.sizes or (0,))).values()))

    def _frames(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Read frames of (frames, bands) from the blocks that hold them."""
        if start == stop:
            return np.empty((0, self.bands), np.uint8)
        first, last = start // self.block_frames, (stop - 1) // self.block_frames
        blocks = self._blocks(first, last + 1)
        begin = first * self.block_frames
        joined = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        return joined[start - begin : stop - begin]

    def _blocks(self, first: int, stop: int) -> list[NDArray[np.uint8]]:
        found = {number: memory.get(self._key(number)) for number in range(first, stop)}
        missing = [number for number, block in found.items() if block is None]
        if missing:
            for number, block in self._read(missing[0], missing[-1] + 1).items():
                memory.put(self._key(number), block)
                found[number] = block
        return [block for block in found.values() if block is not None]

    def _key(self, number: int) -> Key:
        return f"{self.folder}/{self.file}", self.offset, number

    def _read(self, first: int, stop: int) -> dict[int, NDArray[np.uint8]]:
        """Read and decode blocks that lie one after another, with a single access to the file."""
        try:
            if self.sizes is None:
                return {0: self._decode(0, pack_files.read(self.folder, self.file))}
            start = self.offset + sum(self.sizes[:first])
            data = pack_files.read(self.folder, self.file, start, sum(self.sizes[first:stop]))
            blocks, place = {}, 0
            for number in range(first, stop):
                blocks[number] = self._decode(number, data[place : place + self.sizes[number]])
                place += self.sizes[number]
        except FAILURES as error:
            raise DatasetError(f"{self.folder}: damaged feature pack ({self.file}: {error})") from error
        return blocks

    def _decode(self, number: int, data: bytes) -> NDArray[np.uint8]:
        frames = min(self.block_frames, self.frames - number * self.block_frames)
        return decode(DECOMPRESS[self.codec](data), self.bands, frames)


def decode(deltas: bytes, bands: int, frames: int = -1) -> NDArray[np.uint8]:
    """Return levels, (frames, bands), from differences in time, (bands, frames) modulo 256.

    Raises:
        ValueError: if the number of bytes does not fit.
    """
    rows = np.frombuffer(deltas, np.uint8).reshape(bands, frames)
    return np.ascontiguousarray(np.cumsum(rows, axis=1, dtype=np.uint8).T)


def encode(levels: NDArray[np.uint8]) -> bytes:
    """Return differences in time, (bands, frames) modulo 256, of levels, (frames, bands)."""
    deltas: NDArray[np.uint8] = np.diff(levels.T, axis=1, prepend=np.uint8(0))
    return deltas.tobytes()
