"""Mix down to mono: the mean over the channels, unless they cancel each other out.

If one channel of a stereo recording is inverted (by a wrong cable or a plug-in), the mean is silence, or
lacks the instruments in the centre. The channels are then added with the signs of their correlation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from beattrack.audio.base import Piece, warn

Float32: TypeAlias = NDArray[np.float32]
Signs: TypeAlias = tuple[int, ...]  # 1 or -1 for each channel

# Louder than any usual scaling of floats; its square is still far from the largest float32.
MAX_MAGNITUDE = 2.0**32
FULL_SCALE = {"int8": 2.0**7, "uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}

# Channels cancel if the power of their sum times this factor is below that of independent channels. In stereo
# the difference then has 4 times the power of the sum (6 dB), which stereo effects do not sustain.
_CANCELLED = 2.5
_RESTORED = 2.0  # the plain sum is used again at this many times the power of the signed sum
_MEMORY = 1 << 17  # samples (3 s): half-life of the evidence, so that no short passage decides alone
_CAREFUL = 16  # pieces; after these only every other piece is examined, to save time
_STEP = 11  # one in this many samples is examined
FADE = 4096  # length in samples of the cross-fade between two choices of signs


def mixed_down(pieces: Iterable[Piece], name: str) -> Iterator[Float32]:
    """Mix pieces of samples down to mono.

    Args:
        pieces: samples as stored, each piece of shape (samples, channels).
        name: name of the source for messages.

    Yields:
        Mono float32 with full scale 1, shape (samples,).

    Warns:
        AudioWarning: if samples that are not finite were set to 0, or a channel was inverted for more than
            half of the recording.
    """
    damaged = False
    polarity = Polarity()
    signs: Signs = ()
    turned = heard = 0
    for index, piece in enumerate(pieces):
        before = signs
        if index < _CAREFUL:
            signs = polarity.of(piece)
        elif index % 2:
            signs = polarity.of(piece, stands_for=2)
        mono = signed_mean(piece, signs)
        if not is_usable(mono):
            damaged = True
            piece = cleaned(piece)
            signs = polarity.of(piece)
            mono = signed_mean(piece, signs)
        if before and before != signs:
            fade = np.linspace(0, 1, min(FADE, len(mono)), dtype=np.float32)
            mono[: len(fade)] = fade * mono[: len(fade)] + (1 - fade) * signed_mean(
                piece[: len(fade)], before
            )
        heard += len(piece)
        turned += len(piece) * (-1 in signs)
        yield mono
    if damaged:
        warn(f"{name}: samples that are not finite were set to 0")
    if turned > heard / 2:
        warn(f"{name}: its channels cancel each other out, so one was inverted; check the polarity")


class Polarity:
    """The signs with which to add the channels of a recording, decided by the pieces so far."""

    def __init__(self) -> None:
        self._products: NDArray[np.float64] = np.zeros((0, 0))  # (channels, channels)
        self._signs: Signs = ()

    def of(self, piece: Piece, stands_for: int = 1) -> Signs:
        """Return the signs for the next piece, (samples, channels), which represents `stands_for` pieces."""
        channels = piece.shape[1]
        if not self._signs:
            self._signs = (1,) * channels
            self._products = np.zeros((channels, channels))
        if channels > 1 and len(piece):
            self._hear(piece, stands_for)
            self._judge()
        return self._signs

    def _hear(self, piece: Piece, stands_for: int) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            some = np.ascontiguousarray(piece[::_STEP].T, np.float32)  # (channels, samples)
            constants = some.mean(1)
            some -= constants[:, np.newaxis]  # a constant is not sound
            products = some @ some.T
            rounding = 1e-9 * some.shape[1] * (constants @ constants)
            usable = math.isfinite(products.sum()) and products.trace() > rounding
        if usable:
            kept = 0.5 ** (len(piece) * stands_for / _MEMORY)
            self._products = self._products * kept + products * stands_for

    def _judge(self) -> None:
        products, channels = self._products, len(self._signs)
        mean = products.sum()
        if -1 in self._signs and mean > _RESTORED * self._power():
            self._signs = (1,) * channels
        if (self._power() if -1 in self._signs else mean) * _CANCELLED < products.trace():
            loudest = products[products.diagonal().argmax()]
            self._signs = tuple(-1 if product < 0 else 1 for product in loudest)

    def _power(self) -> float:
        """Return the power of the signed sum; for independent channels it equals the sum of their powers."""
        weights = np.array(self._signs, np.float64)
        return float(weights @ self._products @ weights)


def signed_mean(piece: Piece, signs: Signs) -> Float32:
    """Return the mean over the signed channels of (samples, channels), float32, as a new array."""
    channels = piece.shape[1]
    full_scale = channels * FULL_SCALE.get(piece.dtype.name, 1.0)
    if piece.dtype == np.uint8:
        piece = piece.astype(np.int16) - 128
    with np.errstate(over="ignore", invalid="ignore"):  # the caller checks for overflow
        # Adding columns is 30 times as fast as numpy's mean over so short an axis.
        mono: Float32 = piece[:, 0].astype(np.float32)
        if signs[0] < 0:
            mono *= -1
        for channel in range(1, channels):
            if signs[channel] < 0:
                mono -= piece[:, channel]
            else:
                mono += piece[:, channel]
    if full_scale != 1:
        mono /= np.float32(full_scale)
    return mono


def cleaned(piece: Piece) -> Piece:
    """Return a piece whose samples that are not finite, or much too large, are 0."""
    return np.where(np.abs(piece) <= MAX_MAGNITUDE, piece, piece.dtype.type(0))


def is_usable(mono: Float32) -> bool:
    """Return whether all samples are finite and of a usual magnitude."""
    # NaN makes both extremes NaN, and comparisons with NaN are false.
    return mono.size == 0 or bool(mono.min() >= -MAX_MAGNITUDE and mono.max() <= MAX_MAGNITUDE)
