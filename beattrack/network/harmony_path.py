"""The harmony path, beside the front-end: features of the harmony view.

Chords often change at the start of a bar, but the spectrogram's windows are too short to resolve chords. This
path reads the harmony view (`beattrack.harmony`), semitone bands at ten frames per second. Its channels are
concatenated with those of the front-end.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from beattrack.network.settings import HarmonyPathSettings

NOVELTY_SCALE = 4.0  # cosine distances of neighbouring bars are mostly below 0.5
LEAST_NORM = 1e-3  # of mean bands and deviations; avoids division by zero in silence


class HarmonyPath(nn.Module):
    """Mix learned convolutions and explicit novelty to `channels` features per slow frame.

    Input: (batch, slow frames, bands) non-negative magnitudes, divided by the level of the recording. A view
    of zeros, used for songs without one, gives features of zero.
    Output: (batch, channels, slow frames). `spread` resamples it to the frame rate of the spectrogram.

    Novelty at a frame is the cosine distance between the mean bands before it and after it, computed for
    several durations, and separately for bass and harmony. It depends little on timbre and key, so it
    transfers from rendered music to recordings.

    A causal path sees no later frame: its convolutions are padded on the left, and its novelty compares the
    frames up to the current one with those before them.

    Foote, "Automatic Audio Segmentation Using a Measure of Audio Novelty", ICME 2000.
    """

    band_mean: Tensor
    band_scale: Tensor

    def __init__(self, settings: HarmonyPathSettings) -> None:
        super().__init__()
        self.settings = settings
        first, second = settings.convolutions
        kernel = settings.kernel
        self.convolutions = nn.ModuleList()
        if settings.learned:
            # Novelty does not need them, and what a network does not use is not in its model file.
            self.register_buffer("band_mean", torch.zeros(settings.bands))
            self.register_buffer("band_scale", torch.ones(settings.bands))
            self.convolutions.append(_convolution(settings.bands, first, kernel, 1, settings))
            self.convolutions.append(_convolution(first, second, kernel, 2, settings))
        self.dropout = nn.Dropout(settings.dropout)
        self.linear = nn.Conv1d(settings.mixed, settings.channels, 1)
        self.hidden = _convolution(settings.mixed, settings.hidden, 3, 1, settings)
        self.output = nn.Conv1d(settings.hidden, settings.channels, 1)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Set mean and standard deviation of the compressed bands, (bands,) each, for learned features."""
        if not self.settings.learned:
            return
        self.band_mean.copy_(mean)
        self.band_scale.copy_(1.0 / deviation.clamp(min=LEAST_NORM))

    def compress(self, harmony: Tensor) -> Tensor:
        """Compute ln(1 + log_scale * x)."""
        return torch.log(1.0 + self.settings.log_scale * harmony)

    def forward(self, harmony: Tensor) -> Tensor:
        """Compute the features of each slow frame."""
        compressed = self.compress(harmony)  # (batch, slow frames, bands)
        # A causal path decides frame by frame, because it does not know what follows.
        over = 2 if self.settings.causal else (1, 2)
        present = (harmony.amax(dim=over, keepdim=True) > 0).to(harmony.dtype).transpose(1, 2)
        # (batch, 1, slow frames) or (batch, 1, 1)
        parts = []
        if self.convolutions:
            maps = ((compressed - self.band_mean) * self.band_scale).transpose(1, 2)
            for convolution in self.convolutions:
                maps = functional.elu(convolution(maps))
            parts.append(self.dropout(maps))
        if self.settings.novelty:
            parts.append(NOVELTY_SCALE * self.novelty(compressed.transpose(1, 2)) - 1.0)
        mixed = torch.cat(parts, dim=1)  # (batch, mixed, slow frames)
        features: Tensor = self.output(functional.elu(self.hidden(mixed))) + self.linear(mixed)
        return features * present  # (batch, channels, slow frames)

    def novelty(self, compressed: Tensor) -> Tensor:
        """Compute the novelty of compressed bands.

        Args:
            compressed: shape (batch, bands, slow frames).

        Returns:
            Cosine distances of shape (batch, 2 * lags, slow frames), those of the bass first.
        """
        distances = []
        for low, high in (self.settings.bass, self.settings.harmony):
            bands = compressed[:, low:high]
            centred = bands - bands.mean(dim=1, keepdim=True)
            distances += [_distance(centred, lag, causal=self.settings.causal) for lag in self.settings.lags]
        return torch.stack(distances, dim=1)


class _PaddedLeft(nn.Conv1d):
    """A convolution that keeps the number of frames by zeros before the first."""

    def forward(self, features: Tensor) -> Tensor:
        missing = (self.kernel_size[0] - 1) * self.dilation[0]
        return super().forward(functional.pad(features, (missing, 0)))


def _convolution(
    inputs: int, outputs: int, kernel: int, dilation: int, settings: HarmonyPathSettings
) -> nn.Conv1d:
    """Return a convolution that keeps the number of frames."""
    if settings.causal:
        return _PaddedLeft(inputs, outputs, kernel, dilation=dilation)
    return nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2)


def _distance(bands: Tensor, lag: int, *, causal: bool) -> Tensor:
    """Return the distance between the `lag` frames before and from each frame on: (batch, frames).

    If causal, each frame gets the distance between the `lag` frames up to it and those before them.
    """
    frames = bands.shape[2]
    padded = functional.pad(bands, (2 * lag - 1, 1) if causal else (lag, lag), mode="replicate")
    means = functional.avg_pool1d(padded, lag, 1)  # (batch, bands, frames + lag + 1)
    past, coming = means[:, :, :frames], means[:, :, lag : lag + frames]
    product = (past * coming).sum(dim=1)
    squares = past.square().sum(dim=1) * coming.square().sum(dim=1)
    # Clamped before the root, which has no gradient at zero.
    return 1.0 - product / squares.clamp(min=LEAST_NORM**2).sqrt()


def hold(slow: Tensor, ratio: int, frames: int, *, delay: int) -> Tensor:
    """Repeat features at a frame rate `ratio` times as high, each from `delay` frames after its time on.

    Args:
        slow: shape (batch, channels, slow frames). Slow frame i lies at frame ratio * i.
        ratio: frames per slow frame.
        frames: number of frames to return; the last slow frame is repeated.
        delay: frames by which each slow frame comes late; zeros come before the first.

    Returns:
        Features of shape (batch, channels, frames).
    """
    fast = functional.pad(slow.repeat_interleave(ratio, dim=2), (delay, 0))
    missing = frames - fast.shape[2]
    if missing > 0:
        fast = torch.cat([fast, fast[:, :, -1:].expand(-1, -1, missing)], dim=2)
    return fast[:, :, :frames]


def spread(slow: Tensor, ratio: int, frames: int) -> Tensor:
    """Interpolate features linearly to a frame rate `ratio` times as high.

    Args:
        slow: shape (batch, channels, slow frames). Slow frame i lies at frame ratio * i.
        ratio: frames per slow frame.
        frames: number of frames to return; the last slow frame is repeated.

    Returns:
        Features of shape (batch, channels, frames).
    """
    following = torch.cat([slow[:, :, 1:], slow[:, :, -1:]], dim=2)
    weight = torch.arange(ratio, device=slow.device, dtype=slow.dtype) / ratio
    lines = (
        slow[..., None] * (1 - weight) + following[..., None] * weight
    )  # (batch, channels, slow frames, ratio)
    fast = lines.flatten(2)
    missing = frames - fast.shape[2]
    if missing > 0:
        fast = torch.cat([fast, fast[:, :, -1:].expand(-1, -1, missing)], dim=2)
    return fast[:, :, :frames]
