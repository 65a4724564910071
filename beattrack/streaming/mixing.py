"""Mix chunks down to mono as they come: the mean over the channels, unless they cancel each other out.

This is the mix of `beattrack.audio.mixing`, except that whether channels cancel is decided from what was
heard before, and not from the samples that are being mixed. If the channels of a stream cancel, the first
tenth of a second of it is therefore lost.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.audio.base import Piece
from beattrack.audio.mixing import FADE, Polarity, Signs, cleaned, is_usable, signed_mean
from beattrack.audio.reading import checked
from beattrack.errors import AudioError

Float32: TypeAlias = NDArray[np.float32]

BLOCK = FADE  # samples; the channels are compared once per block, wherever the chunks begin and end


class StreamingMixer:
    """Mix chunks of a stream down to mono.

    Args:
        channels: number of channels of the chunks.

    Attributes:
        damaged: whether any sample so far was not finite, or much too large, and was set to 0.
        inverted: whether a channel is being inverted because the channels would cancel each other out.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.damaged = False
        self._polarity = Polarity()
        self._signs: Signs = (1,) * channels
        self._faded: Signs | None = None  # the signs before the last change, while it is faded in
        self._block: Piece | None = None
        self._filled = 0

    @property
    def inverted(self) -> bool:  # noqa: D102 - documented with the class
        return -1 in self._signs

    def process(self, chunk: ArrayLike) -> Float32:
        """Mix the next chunk down.

        Args:
            chunk: shape (samples,) or (samples, channels), of any length; floats with full scale 1, or int8,
                int16, int32 or uint8 with the full scale of their type.

        Returns:
            Mono samples with full scale 1, shape (samples,), float32.

        Raises:
            AudioError: if the chunk has another shape or type.
        """
        piece = checked(chunk)
        if piece.shape[1] != self.channels:
            wanted = "(samples,)" if self.channels == 1 else f"(samples, {self.channels})"
            raise AudioError(f"chunks must be of shape {wanted}, not {np.shape(chunk)}; see channels")
        if not is_usable(signed_mean(piece, (1,) * self.channels)):
            self.damaged = True
            piece = cleaned(piece)
        if self.channels == 1:
            return signed_mean(piece, (1,))
        mixed = [np.empty(0, np.float32)]
        while len(piece):
            part, piece = np.split(piece, [BLOCK - self._filled])
            mixed.append(self._mix(part))
            self._hear(part)
        return np.concatenate(mixed)

    def _mix(self, part: Piece) -> Float32:
        """Mix samples of one block, (samples, channels)."""
        mono = signed_mean(part, self._signs)
        if self._faded is not None:
            fade = np.arange(self._filled, self._filled + len(part), dtype=np.float32) / np.float32(BLOCK)
            mono = fade * mono + (1 - fade) * signed_mean(part, self._faded)
        return mono

    def _hear(self, part: Piece) -> None:
        """Remember samples, and compare the channels at the end of a block."""
        if self._block is None:
            self._block = np.empty((BLOCK, self.channels), np.float32)
        self._block[self._filled : self._filled + len(part)] = part
        self._filled += len(part)
        if self._filled == BLOCK:
            before, self._signs = self._signs, self._polarity.of(self._block)
            self._faded = None if before == self._signs else before
            self._filled = 0
